import { createHmac, randomBytes } from 'node:crypto';
import type { TestApp } from './app.ts';

export const PASSWORD = 'four words in a row';

/** What every failure says. */
export const FAILURE = '... on Error { __typename code message }';

/** What a failure says where the input can be wrong. */
export const INPUT_FAILURE = `${FAILURE} ... on InvalidInput { fields { path message } }`;

export const TOKENS =
  'tokens { accessToken refreshToken tokenType expiresAt refreshExpiresAt deviceToken }';

const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) { __typename ... on RegisterSuccess { user { id } ${TOKENS} } ${INPUT_FAILURE} }
}`;

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess { user { id } ${TOKENS} }
    ... on MfaRequired { challenge methods expiresAt }
    ... on AccountLocked { retryAfter }
    ${FAILURE}
  }
}`;

const COMPLETE_LOGIN = `mutation ($input: CompleteLoginInput!) {
  completeLogin(input: $input) {
    __typename ... on LoginSuccess { user { id } ${TOKENS} } ${FAILURE}
  }
}`;

const REFRESH = `mutation ($refreshToken: String) {
  refresh(input: { refreshToken: $refreshToken }) {
    __typename ... on RefreshSuccess { user { id } ${TOKENS} } ${FAILURE}
  }
}`;

const ENABLE_TOTP = `mutation ($currentPassword: String!) {
  enableTotp(input: { currentPassword: $currentPassword }) {
    __typename ... on EnableTotpSuccess { secret uri qrCode } ${FAILURE}
  }
}`;

const CONFIRM_TOTP = `mutation ($code: String!) {
  confirmTotp(input: { code: $code }) {
    __typename ... on ConfirmTotpSuccess { recoveryCodes user { totpEnabled } } ${FAILURE}
  }
}`;

/** A registered and signed-in user. */
export interface TestUser {
  id: string;
  email: string;
  username: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  deviceToken: string;
}

/** A name that no other test has. */
export function newName(prefix = 'ada'): string {
  return `${prefix}${randomBytes(5).toString('hex')}`;
}

export async function registerUser(
  { gql }: TestApp,
  input: Record<string, unknown> = {},
): Promise<TestUser> {
  const username = newName();
  const given = { email: `${username}@example.com`, username, password: PASSWORD, ...input };
  const { data } = await gql(REGISTER, { input: given });
  if (data?.register.__typename !== 'RegisterSuccess') {
    throw new Error(`Not registered: ${JSON.stringify(data)}`);
  }
  return { ...given, id: data.register.user.id, ...data.register.tokens };
}

export async function logIn(app: TestApp, input: Record<string, unknown>, from?: string) {
  const sending = from === undefined ? {} : { from };
  const answer = await app.gql(LOGIN, { input: { password: PASSWORD, ...input } }, sending);
  return answer.data?.login ?? answer;
}

export async function completeLogin(app: TestApp, challenge: string, code: string) {
  const answer = await app.gql(COMPLETE_LOGIN, { input: { challenge, code } });
  return answer.data?.completeLogin ?? answer;
}

export async function refresh(app: TestApp, refreshToken: string) {
  const answer = await app.gql(REFRESH, { refreshToken });
  return answer.data?.refresh ?? answer;
}

/** Whether an access token still opens anything. */
export async function isSignedIn({ gql }: TestApp, token: string): Promise<boolean> {
  const { data } = await gql('{ me { id } }', {}, { token });
  return data.me !== null;
}

/** Turns TOTP on for a user. @returns the secret and the recovery codes */
export async function enrolTotp(
  app: TestApp,
  user: TestUser,
): Promise<{ secret: string; recoveryCodes: string[] }> {
  const token = user.accessToken;
  const enabled = await app.gql(ENABLE_TOTP, { currentPassword: user.password }, { token });
  const { secret } = enabled.data.enableTotp;
  const code = totpCode(secret, app.clock.now());
  const confirmed = await app.gql(CONFIRM_TOTP, { code }, { token });
  return { secret, recoveryCodes: confirmed.data.confirmTotp.recoveryCodes };
}

/** What an authenticator app would show, written after RFC 6238 and not by the library that the service uses. */
export function totpCode(secret: string, at: Date): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at.getTime() / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}
