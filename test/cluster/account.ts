import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, ask, type Operation, type Problems, sessionOf } from './client.ts';
import type { Instance } from './instance.ts';

/** A refresh token that was exchanged, what for, and when that was acknowledged. */
export interface Spent {
  token: string;
  successor: string;
  at: number;
}

/** A person's own record of what they were told. Whatever was not answered clearly is not in it. */
export interface Account {
  email: string;
  password: string;
  formerPasswords: string[];
  accessToken: string;
  /** Empty when nobody can tell which one is good. */
  refreshToken: string;
  spent: Spent[];
  /** Of sessions that were ended. */
  endedTokens: string[];
  secret: string | undefined;
  usedSteps: { step: number; code: string }[];
  recoveryCodes: string[];
  usedCodes: string[];
  usedChallenges: string[];
}

/** Where people ask, and what goes wrong there. */
export interface Service {
  instances: readonly Instance[];
  problems: Problems;
  /** What must never be, in words. */
  violations: string[];
  acknowledged: Map<string, number>;
}

const GRACE_MS = 30_000;
const PATIENCE_MS = 60_000;

const newPassword = () => `some words in a row ${randomBytes(6).toString('hex')}`;

/** Asks any instance, or a certain one, and counts what came of it. */
export async function asking(
  service: Service,
  operation: Operation,
  variables: Record<string, string>,
  more: { token?: string; at?: Instance } = {},
): Promise<Answer> {
  const { instances, problems, acknowledged } = service;
  const at = more.at ?? instances[Math.floor(Math.random() * instances.length)];
  const answer = await ask(at?.url ?? '', operation, variables, more.token);
  const counter = answer.type === undefined ? problems : acknowledged;
  const key = answer.type ?? answer.problem ?? 'nothing';
  counter.set(key, (counter.get(key) ?? 0) + 1);
  return answer;
}

/** Registers somebody. @returns nothing when that was not acknowledged */
export async function register(service: Service): Promise<Account | undefined> {
  const email = `ada${randomBytes(8).toString('hex')}@example.com`;
  const chosen = newPassword();
  const { type, data } = await asking(service, 'register', { email, password: chosen });
  if (type !== 'RegisterSuccess') return undefined;
  return {
    email,
    password: chosen,
    formerPasswords: [],
    ...tokensOf(data),
    spent: [],
    endedTokens: [],
    secret: undefined,
    usedSteps: [],
    recoveryCodes: [],
    usedCodes: [],
    usedChallenges: [],
  };
}

function tokensOf(data: { tokens: { accessToken: string; refreshToken: string } }) {
  const { accessToken, refreshToken } = data.tokens;
  return { accessToken, refreshToken };
}

/** Exchanges the refresh token; whoever gets no answer tries the same again. */
export async function refresh(service: Service, account: Account): Promise<void> {
  const { refreshToken } = account;
  const startedAt = Date.now();
  while (Date.now() - startedAt < PATIENCE_MS) {
    const answer = await asking(service, 'refresh', { refreshToken });
    if (answer.type !== undefined) return takeSuccessor(service, account, startedAt, answer);
    await delay(200);
  }
  service.violations.push('a refresh was not answered for a minute');
  account.refreshToken = '';
}

/** Two tabs exchange the same refresh token at two instances. */
export async function refreshTwice(service: Service, account: Account): Promise<void> {
  const { refreshToken } = account;
  const startedAt = Date.now();
  const answers = await Promise.all(
    service.instances.map((at) => asking(service, 'refresh', { refreshToken }, { at })),
  );
  const given = answers.filter(({ type }) => type === 'RefreshSuccess').map(({ data }) => data);
  if (new Set(given.map(({ tokens }) => tokens.refreshToken)).size > 1) {
    service.violations.push('a refresh token worked twice, with different successors');
  }
  const [answer] = answers.filter(({ type }) => type !== undefined);
  if (answer === undefined) await refresh(service, account);
  else takeSuccessor(service, account, startedAt, answer);
}

function takeSuccessor(
  service: Service,
  account: Account,
  startedAt: number,
  { type, data }: Answer,
): void {
  const token = account.refreshToken;
  if (type === 'RefreshSuccess') {
    Object.assign(account, tokensOf(data));
    account.spent.push({ token, successor: account.refreshToken, at: Date.now() });
    return;
  }
  account.refreshToken = '';
  // a first attempt that was not answered may have been done longer ago than the grace window lasts
  if (Date.now() - startedAt > GRACE_MS) return;
  service.violations.push(`a refresh token that was good was answered with ${type}`);
}

/** Chooses another password. When the answer is not clear, tries which one it is. */
export async function changePassword(service: Service, account: Account): Promise<void> {
  const next = newPassword();
  const variables = { currentPassword: account.password, newPassword: next };
  const { type, data } = await asking(service, 'updateProfile', variables, {
    token: account.accessToken,
  });
  if (type === 'UpdateProfileSuccess') {
    account.formerPasswords.push(account.password);
    account.password = next;
    account.spent = [];
    Object.assign(account, tokensOf(data));
    return;
  }
  if (type !== undefined) service.violations.push(`another password was answered with ${type}`);
  else await settlePassword(service, account, next);
}

async function settlePassword(service: Service, account: Account, next: string): Promise<void> {
  const { email } = account;
  // the session goes on, but nobody can tell by which token
  account.refreshToken = '';
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    for (const candidate of [next, account.password]) {
      const { type } = await asking(service, 'login', { email, password: candidate });
      if (type !== 'LoginSuccess' && type !== 'MfaRequired') continue;
      account.password = candidate;
      return;
    }
    await delay(200);
  }
  service.violations.push('neither the old password nor the new one worked for a minute');
}

/** Signs in once more. @returns nothing when that was not acknowledged, or needs a code that there is not */
async function openSession(service: Service, account: Account) {
  const { email, password } = account;
  const { type, data } = await asking(service, 'login', { email, password });
  if (type === 'LoginSuccess') return tokensOf(data);
  const code = account.recoveryCodes[0];
  if (type !== 'MfaRequired' || code === undefined) return undefined;
  return completeWith(service, account, data.challenge, code);
}

/** Completes a sign-in by a recovery code, which is used or in doubt from then on. */
async function completeWith(service: Service, account: Account, challenge: string, code: string) {
  account.recoveryCodes = account.recoveryCodes.filter((other) => other !== code);
  const { type, data } = await asking(service, 'completeLogin', { challenge, code });
  if (type === 'LoginSuccess') {
    account.usedCodes.push(code);
    account.usedChallenges.push(challenge);
    return tokensOf(data);
  }
  if (type !== undefined) service.violations.push(`a good recovery code was answered with ${type}`);
  return undefined;
}

/** Signs in somewhere else and ends that session again, from there or from here. */
export async function openAndEndSession(service: Service, account: Account): Promise<void> {
  const session = await openSession(service, account);
  if (session === undefined) return;
  const fromThere = Math.random() < 0.5;
  const { type } = fromThere
    ? await asking(service, 'logout', {}, { token: session.accessToken })
    : await asking(
        service,
        'revokeSession',
        { id: sessionOf(session.accessToken) },
        { token: account.accessToken },
      );
  if (type === 'LogoutSuccess' || type === 'RevokeSessionSuccess') {
    account.endedTokens.push(session.refreshToken);
  }
}

/** Signs in by a recovery code, as long as there are some. */
export async function useRecoveryCode(service: Service, account: Account): Promise<void> {
  if (account.recoveryCodes.length > 2) await openSession(service, account);
}
