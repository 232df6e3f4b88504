import { setTimeout as delay } from 'node:timers/promises';
import { type Account, asking, type Service } from './account.ts';
import { type Answer, type Operation, stepAt } from './client.ts';

const GRACE_MS = 30_000;

/** How often each kind of thing was looked at. */
export type Checks = Map<string, number>;

/** Compares what people were told with what is there. What differs becomes a violation. */
export async function verify(
  service: Service,
  accounts: readonly Account[],
  checks: Checks,
): Promise<void> {
  const left = [...accounts];
  const work = async () => {
    for (let account = left.pop(); account !== undefined; account = left.pop()) {
      await verifyAccount(service, account, checks);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

async function verifyAccount(service: Service, account: Account, checks: Checks): Promise<void> {
  const expect = expecting(service, checks);
  await verifyUsedSteps(service, account, expect);
  const { email, password } = account;
  const signedIn = ['LoginSuccess', 'MfaRequired'];
  await expect('an acknowledged password', 'login', { email, password }, signedIn);
  for (const former of account.formerPasswords.slice(-2)) {
    const variables = { email, password: former };
    await expect('a former password', 'login', variables, ['InvalidCredentials']);
  }
  for (const refreshToken of account.endedTokens.slice(-3)) {
    const refused = ['InvalidRefreshToken', 'RefreshTokenReused'];
    await expect("an ended session's token", 'refresh', { refreshToken }, refused);
  }
  await verifyUsedCodes(service, account, expect);
  await verifyRefreshTokens(account, expect);
}

type Expect = ReturnType<typeof expecting>;

/** Asks until there is a clear answer, and says what is wrong with it. */
function expecting({ instances, ...service }: Service, checks: Checks) {
  return async (
    what: string,
    operation: Operation,
    variables: Record<string, string>,
    expected: readonly string[],
  ): Promise<Answer> => {
    const answer = await clearAnswer({ instances, ...service }, operation, variables);
    checks.set(what, (checks.get(what) ?? 0) + 1);
    if (!expected.includes(answer.type ?? '')) {
      const told = answer.type ?? answer.problem;
      service.violations.push(
        `${what}: ${operation} answered ${told}, not ${expected.join(' or ')}`,
      );
    }
    return answer;
  };
}

async function clearAnswer(
  service: Service,
  operation: Operation,
  variables: Record<string, string>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await asking(service, operation, variables);
    if (answer.type !== undefined || attempt === 20) return answer;
    await delay(500);
  }
}

/** A code of the half minute that is not over would be good once more if it were not used. */
async function verifyUsedSteps(service: Service, account: Account, expect: Expect): Promise<void> {
  const { email, password } = account;
  const last = account.usedSteps.at(-1);
  if (last === undefined || last.code === '' || stepAt(Date.now()) > last.step + 1) return;
  const challenge = await newChallenge(service, email, password);
  if (challenge === undefined) return;
  const variables = { challenge, code: last.code };
  await expect('a used TOTP code', 'completeLogin', variables, ['InvalidCode']);
}

async function verifyUsedCodes(service: Service, account: Account, expect: Expect): Promise<void> {
  const { email, password, usedCodes, usedChallenges, recoveryCodes } = account;
  if (usedCodes.length === 0 && usedChallenges.length === 0) return;
  const challenge = await newChallenge(service, email, password);
  if (challenge === undefined) return;
  for (const code of usedCodes.slice(-3)) {
    await expect('a used recovery code', 'completeLogin', { challenge, code }, ['InvalidCode']);
  }
  const good = recoveryCodes.at(-1);
  const used = usedChallenges.at(-1);
  if (good === undefined) return;
  if (used !== undefined) {
    const variables = { challenge: used, code: good };
    await expect('a used challenge', 'completeLogin', variables, ['InvalidChallenge']);
  }
  await expect('a good code', 'completeLogin', { challenge, code: good }, ['LoginSuccess']);
}

async function newChallenge(
  service: Service,
  email: string,
  password: string,
): Promise<string | undefined> {
  const { type, data } = await clearAnswer(service, 'login', { email, password });
  return type === 'MfaRequired' ? data.challenge : undefined;
}

/** The newest works, the one before gives the same within the grace window, and an old one ends all. */
async function verifyRefreshTokens(account: Account, expect: Expect): Promise<void> {
  const before = account.spent.at(-1);
  const { refreshToken } = account;
  if (refreshToken !== '' && before !== undefined && Date.now() - before.at < GRACE_MS - 5000) {
    const variables = { refreshToken: before.token };
    const { data } = await expect('a token within its grace', 'refresh', variables, [
      'RefreshSuccess',
    ]);
    if (data?.tokens && data.tokens.refreshToken !== before.successor) {
      await expect('another successor of a token', 'refresh', variables, ['the same']);
    }
  }
  if (refreshToken === '') return;
  await expect('the newest refresh token', 'refresh', { refreshToken }, ['RefreshSuccess']);
  // now two generations old, or one for longer than its grace
  if (before === undefined) return;
  const replayed = { refreshToken: before.token };
  const reused = await expect('a replayed refresh token', 'refresh', replayed, [
    'RefreshTokenReused',
  ]);
  if (reused.type !== 'RefreshTokenReused') return;
  const dead = ['InvalidRefreshToken'];
  await expect('the token of a session ended so', 'refresh', { refreshToken }, dead);
}
