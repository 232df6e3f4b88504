import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  enrolTotp,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  registerUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** So many sign-ins with a wrong password, one after the other. @returns how each ended */
async function fail(identifier: string, times: number, deviceToken?: string): Promise<string[]> {
  const codes: string[] = [];
  for (let i = 0; i < times; i++) {
    const input = { identifier, password: `wrong ${i}`, deviceToken };
    codes.push((await logIn(app, input)).code);
  }
  return codes;
}

const FIVE_FAILURES = Array(5).fill('INVALID_CREDENTIALS');

it.each([
  ['an account', true],
  ['a name that nobody has', false],
])('locks %s after five failures in a row, and says for how long', async (_what, exists) => {
  const identifier = exists ? (await registerUser(app)).email : `${newName()}@example.com`;
  expect(await fail(identifier, 5)).toEqual(FIVE_FAILURES);
  const hashes = app.hashes();
  expect(await logIn(app, { identifier, password: PASSWORD })).toMatchObject({
    __typename: 'AccountLocked',
    code: 'ACCOUNT_LOCKED',
    retryAfter: 900,
  });
  app.clock.advance(600.5);
  expect(await logIn(app, { identifier })).toMatchObject({ retryAfter: 300 });
  expect(app.hashes()).toBe(hashes);
  app.clock.advance(300);
  const answer = await logIn(app, { identifier });
  expect(answer.__typename).toBe(exists ? 'LoginSuccess' : 'InvalidCredentials');
});

it('counts anew once a lock is over', async () => {
  const { email } = await registerUser(app);
  await fail(email, 5);
  app.clock.advance(901);
  expect(await fail(email, 5)).toEqual(FIVE_FAILURES);
  expect((await logIn(app, { identifier: email })).code).toBe('ACCOUNT_LOCKED');
});

it('forgets failures after a success, and after a quarter of an hour', async () => {
  const { email } = await registerUser(app);
  for (let i = 0; i < 2; i++) {
    expect(await fail(email, 4)).toEqual(FIVE_FAILURES.slice(1));
    expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
  }
  await fail(email, 4);
  app.clock.advance(901);
  await fail(email, 4);
  expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
});

it('counts all spellings of a name together', async () => {
  const name = `é${newName('x')}`;
  await registerUser(app, { username: name });
  const spellings = [
    name.toUpperCase(),
    ` ${name}`,
    name.normalize('NFD'),
    name.replace('x', 'ｘ'),
  ];
  for (const identifier of spellings) await fail(identifier, 1);
  await fail(name, 1);
  expect((await logIn(app, { identifier: name })).code).toBe('ACCOUNT_LOCKED');
});

it('keeps the lock of one account from all others', async () => {
  const [one, other] = [await registerUser(app), await registerUser(app)];
  await fail(one.email, 6);
  expect((await logIn(app, { identifier: other.email })).__typename).toBe('LoginSuccess');
});

it('puts failures and locks on record, without what was typed', async () => {
  const user = await registerUser(app);
  await fail(user.email, 6);
  const types = await auditTypes(app, user.id);
  expect(types.filter((type) => type === 'LOGIN_FAILED')).toHaveLength(5);
  expect(types.filter((type) => type === 'ACCOUNT_LOCKED')).toHaveLength(1);
  const events = await runSql(app.databaseUrl, 'select detail from audit_events');
  expect(JSON.stringify(events)).not.toMatch(/wrong \d|@example/);
});

it('lets 32 right passwords in at the same moment', async () => {
  const user = await registerUser(app);
  const answers = await Promise.all(
    Array.from({ length: 32 }, () => logIn(app, { identifier: user.email })),
  );
  expect(answers.map((answer) => answer.__typename)).toEqual(Array(32).fill('LoginSuccess'));
  expect((await fail(user.email, 1))[0]).toBe('INVALID_CREDENTIALS');
});

it.each([
  ['an account', true],
  ['a name that nobody has', false],
])(
  'checks at most five of thirty wrong passwords for %s at the same moment',
  async (_w, exists) => {
    const identifier = exists ? (await registerUser(app)).email : newName();
    const hashes = app.hashes();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => logIn(app, { identifier, password: `guess ${i}` })),
    );
    const codes = answers.map((answer) => answer.code).sort();
    expect(codes).toEqual([...Array(25).fill('ACCOUNT_LOCKED'), ...FIVE_FAILURES]);
    expect(app.hashes() - hashes).toBe(5);
  },
);

it('checks at most five of thirty, whichever of two instances they reach', async () => {
  const other = await createTestApp({ databaseUrl: app.databaseUrl, clock: app.clock });
  try {
    const { email } = await registerUser(app);
    const hashes = app.hashes() + other.hashes();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        logIn(i % 2 === 0 ? app : other, { identifier: email, password: `guess ${i}` }),
      ),
    );
    expect(answers.filter((answer) => answer.code === 'INVALID_CREDENTIALS')).toHaveLength(5);
    expect(app.hashes() + other.hashes() - hashes).toBe(5);
    expect((await logIn(other, { identifier: email })).code).toBe('ACCOUNT_LOCKED');
  } finally {
    await other.close();
  }
});

it('lets a known device in while others guess, with a number of attempts of its own', async () => {
  const user = await registerUser(app);
  await fail(user.email, 6);
  const { email: identifier, deviceToken } = user;
  expect((await logIn(app, { identifier, deviceToken })).__typename).toBe('LoginSuccess');
  expect((await logIn(app, { identifier })).code).toBe('ACCOUNT_LOCKED');
  expect(await fail(identifier, 5, deviceToken)).toEqual(FIVE_FAILURES);
  const locked = await logIn(app, { identifier, deviceToken });
  expect(locked).toMatchObject({ code: 'ACCOUNT_LOCKED', retryAfter: 900 });
});

it("does not lock its owner's other devices when one device fails", async () => {
  const user = await registerUser(app);
  const { tokens } = await logIn(app, { identifier: user.email });
  expect(tokens.deviceToken).not.toBe(user.deviceToken);
  await fail(user.email, 6, tokens.deviceToken);
  for (const deviceToken of [undefined, user.deviceToken]) {
    const answer = await logIn(app, { identifier: user.email, deviceToken });
    expect(answer.__typename).toBe('LoginSuccess');
  }
});

it.each([
  ["somebody else's", (_own: string, other: string) => other],
  ['a forged', (own: string) => `${own.slice(0, -3)}AAA`],
  ['a prolonged', (own: string) => own.replace(/\.\d{10}\./, '.9999999999.')],
  ['an empty', () => ''],
  ['a huge', () => 'x'.repeat(50_000)],
])('gives no attempts for %s device token', async (_what, tamper) => {
  const [user, stranger] = [await registerUser(app), await registerUser(app)];
  const deviceToken = tamper(user.deviceToken, stranger.deviceToken);
  expect(await fail(user.email, 5, deviceToken)).toEqual(FIVE_FAILURES);
  expect((await logIn(app, { identifier: user.email, deviceToken })).code).toBe('ACCOUNT_LOCKED');
});

it('locks the second factor after five wrong codes, whatever the password does', async () => {
  const user = await registerUser(app);
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  const identifier = user.email;
  for (let i = 0; i < 5; i++) {
    const answer = await logIn(app, { identifier, code: wrongTotpCode(app, secret) });
    expect(answer.code).toBe('INVALID_CODE');
    expect((await logIn(app, { identifier })).__typename).toBe('MfaRequired');
  }
  const code = nextTotpCode(app, secret);
  expect(await logIn(app, { identifier, code })).toMatchObject({
    code: 'ACCOUNT_LOCKED',
    retryAfter: 870,
  });
  const recovery = await logIn(app, { identifier, code: recoveryCodes[0] });
  expect(recovery.code).toBe('ACCOUNT_LOCKED');
  app.clock.advance(900);
  const later = await logIn(app, { identifier, code: nextTotpCode(app, secret) });
  expect(later.__typename).toBe('LoginSuccess');
});

it('leaves no attempt pending after all of this', async () => {
  const rows = await runSql(app.databaseUrl, 'select * from attempt_counters where pending <> 0');
  expect(rows).toEqual([]);
});
