import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  enrolTotp,
  FAILURE,
  logIn,
  nextTotpCode,
  PASSWORD,
  registerAdmin,
  type TestUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const WINDOW = 900;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { ACCESS_TOKEN_TTL: '86400' } });
});
afterAll(() => app.close());

/** What a mutation of somebody signed in comes to: a code, or the type of its success. */
async function act({ accessToken: token }: { accessToken: string }, call: string): Promise<string> {
  const { data, errors } = await app.gql(
    `mutation { done: ${call} { __typename ${FAILURE} } }`,
    {},
    { token },
  );
  return errors?.[0]?.extensions.code ?? data.done.code ?? data.done.__typename;
}

const unlock = (by: TestUser, whom: TestUser) => act(by, `unlockUser(id: "${whom.id}")`);

/** How many of twenty guesses are looked at when whoever guesses unlocks the account after each, whatever they call it. */
async function guesses(admin: TestUser, guess: () => Promise<string>): Promise<number> {
  const answers = [];
  for (let i = 0; i < 20; i++) {
    answers.push(await guess());
    // once is let through, and comes when there is something to be forgotten
    const id = i % 2 === 0 ? admin.id : admin.id.toUpperCase();
    await act(admin, `unlockUser(id: "${id}")`);
  }
  return answers.filter((code) => !['RATE_LIMITED', 'ACCOUNT_LOCKED'].includes(code)).length;
}

it("gives the holder of an administrator's token no more guesses at their password", async () => {
  const admin = await registerAdmin(app);
  const guess = () => act(admin, 'enableTotp(input: { currentPassword: "wrong" })');
  expect(await guesses(admin, guess)).toBe(5);
});

it('nor at their codes', async () => {
  const admin = await registerAdmin(app);
  const { secret } = await enrolTotp(app, admin);
  const guess = () => {
    const code = wrongTotpCode(app, secret);
    return act(admin, `disableTotp(input: { currentPassword: "${PASSWORD}", code: "${code}" })`);
  };
  expect(await guesses(admin, guess)).toBe(5);
});

it('nor on a device of theirs', async () => {
  const admin = await registerAdmin(app);
  const { email: identifier, deviceToken } = admin;
  const guess = async () =>
    (await logIn(app, { identifier, deviceToken, password: 'wrong' })).code ?? '';
  expect(await guesses(admin, guess)).toBe(5);
});

it('lets them lift what strangers have locked, their names, once while a lock lasts', async () => {
  const admin = await registerAdmin(app);
  const guess = async () =>
    (await logIn(app, { identifier: admin.username, password: 'wrong' })).code ?? '';
  for (let i = 0; i < 5; i++) await guess();
  expect(await guess()).toBe('ACCOUNT_LOCKED');
  expect(await unlock(admin, admin)).toBe('UnlockUserSuccess');
  expect(await guess()).toBe('INVALID_CREDENTIALS');
  app.clock.advance(WINDOW - 1);
  expect(await unlock(admin, admin)).toBe('RATE_LIMITED');
  app.clock.advance(1);
  expect(await unlock(admin, admin)).toBe('UnlockUserSuccess');
});

it('does so once of many times at the same moment', async () => {
  const admin = await registerAdmin(app);
  const answers = await Promise.all(Array.from({ length: 5 }, () => unlock(admin, admin)));
  expect(answers.filter((answer) => answer === 'UnlockUserSuccess')).toHaveLength(1);
});

it('leaves all of it to another administrator, as often as it takes', async () => {
  const [admin, other] = [await registerAdmin(app), await registerAdmin(app)];
  const { secret } = await enrolTotp(app, admin);
  const guess = () => act(admin, 'enableTotp(input: { currentPassword: "wrong" })');
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5; i++) await guess();
    expect(await guess()).toBe('RATE_LIMITED');
    expect(await unlock(other, admin)).toBe('UnlockUserSuccess');
    expect(await guess()).toBe('INVALID_CREDENTIALS');
  }
  const code = nextTotpCode(app, secret);
  expect((await logIn(app, { identifier: admin.email, code })).__typename).toBe('LoginSuccess');
});
