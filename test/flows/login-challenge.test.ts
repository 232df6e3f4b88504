import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { opaqueTokenHash } from '../../src/crypto/opaque-token.ts';
import { transaction } from '../../src/db/client.ts';
import { RequestError } from '../../src/errors.ts';
import { takeChallengeAttempt } from '../../src/records/login-challenge.ts';
import {
  auditTypes,
  completeLogin,
  countRows,
  enrolTotp,
  idBytes,
  isSignedIn,
  logIn,
  nextTotpCode,
  PASSWORD,
  registerUser,
  type TestUser,
  totpCode,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

interface Enrolled {
  user: TestUser;
  secret: string;
  recoveryCodes: string[];
}

async function enrolledUser(): Promise<Enrolled> {
  const user = await registerUser(app);
  return { user, ...(await enrolTotp(app, user)) };
}

async function challengeOf({ user }: Enrolled, input: object = {}): Promise<string> {
  const answer = await logIn(app, { identifier: user.email, ...input });
  expect(answer.__typename).toBe('MfaRequired');
  return answer.challenge;
}

it('asks for a code after the right password only, and opens no session before it', async () => {
  const enrolled = await enrolledUser();
  const identifier = enrolled.user.email;
  expect((await logIn(app, { identifier, password: 'wrong' })).code).toBe('INVALID_CREDENTIALS');
  const before = await countRows(app);
  const answer = await logIn(app, { identifier });
  expect(answer).toEqual({
    __typename: 'MfaRequired',
    challenge: expect.stringMatching(/^[\w-]{43}$/),
    methods: ['TOTP', 'RECOVERY_CODE'],
    expiresAt: new Date(app.clock.now().getTime() + 300_000).toISOString(),
  });
  expect((await countRows(app)).sessions).toBe(before.sessions);
  expect(await isSignedIn(app, answer.challenge)).toBe(false);
});

it('keeps a challenge as a digest', async () => {
  const challenge = await challengeOf(await enrolledUser());
  const rows = await runSql<{ token_hash: Buffer }>(
    app.databaseUrl,
    'select token_hash from login_challenges',
  );
  const stored = rows.map((row) => row.token_hash.toString('base64url'));
  expect(stored.length).toBeGreaterThan(0);
  expect(stored).not.toContain(challenge);
});

it.each([
  ['a TOTP code', ({ secret }: Enrolled) => nextTotpCode(app, secret)],
  [
    'a TOTP code typed with a space',
    ({ secret }: Enrolled) => nextTotpCode(app, secret).replace(/^.../, '$& '),
  ],
  [
    'the code of the step before',
    ({ secret }: Enrolled) => {
      const code = nextTotpCode(app, secret);
      app.clock.advance(30);
      return code;
    },
  ],
  [
    'the code of the step after',
    ({ secret }: Enrolled) => totpCode(secret, new Date(app.clock.now().getTime() + 30_000)),
  ],
  ['a recovery code', ({ recoveryCodes }: Enrolled) => recoveryCodes[3] ?? ''],
  [
    'a recovery code without dashes in lower case',
    ({ recoveryCodes }: Enrolled) => (recoveryCodes[9] ?? '').toLowerCase().replaceAll('-', ' '),
  ],
])('is answered by %s', async (_what, codeOf) => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  const answer = await completeLogin(app, challenge, codeOf(enrolled));
  expect(answer).toMatchObject({ __typename: 'LoginSuccess', user: { id: enrolled.user.id } });
  expect(await isSignedIn(app, answer.tokens.accessToken)).toBe(true);
  const [, claims = ''] = answer.tokens.accessToken.split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString()).amr).toEqual([
    'pwd',
    'otp',
    'mfa',
  ]);
});

it.each([
  ['', ''],
  ['one digit more', '1234567'],
  ['one less', '12345'],
  ["other scripts' digits", '١٢٣٤٥٦'],
  ['full-width digits', '１２３４５６'],
  ['a sign', '-12345'],
  ['a null', '123456\0'],
  ['a lone surrogate', '\uD800'],
  ['a huge text', '1'.repeat(50_000)],
  ['a recovery code of nobody', '0000-0000-0000-0000'],
])('is not answered by a code that is no code: %s', async (_what, code) => {
  const challenge = await challengeOf(await enrolledUser());
  expect(await completeLogin(app, challenge, code)).toMatchObject({
    __typename: 'InvalidCode',
    code: 'INVALID_CODE',
  });
});

it("is not answered by somebody else's code", async () => {
  const [one, other] = [await enrolledUser(), await enrolledUser()];
  const challenge = await challengeOf(one);
  const code = totpCode(other.secret, new Date(app.clock.now().getTime() + 30_000));
  expect((await completeLogin(app, challenge, code)).code).toBe('INVALID_CODE');
  expect((await completeLogin(app, challenge, other.recoveryCodes[0] ?? '')).code).toBe(
    'INVALID_CODE',
  );
  expect((await completeLogin(app, challenge, nextTotpCode(app, one.secret))).__typename).toBe(
    'LoginSuccess',
  );
});

it.each([
  ['an empty text', ''],
  ['what was never issued', 'A'.repeat(43)],
  ['a null', '\0'],
  ['a lone surrogate', '\uD800'],
  ['a huge text', 'A'.repeat(50_000)],
])('is not %s', async (_what, challenge) => {
  expect(await completeLogin(app, challenge, '123456')).toMatchObject({
    __typename: 'InvalidChallenge',
    code: 'INVALID_CHALLENGE',
  });
});

it('is used once', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  const again = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(again.code).toBe('INVALID_CHALLENGE');
  const recovery = await completeLogin(app, challenge, enrolled.recoveryCodes[0] ?? '');
  expect(recovery.code).toBe('INVALID_CHALLENGE');
});

it('is over after five minutes', async () => {
  const enrolled = await enrolledUser();
  const [early, late] = [await challengeOf(enrolled), await challengeOf(enrolled)];
  app.clock.advance(269);
  const inTime = await completeLogin(app, early, nextTotpCode(app, enrolled.secret));
  expect(inTime.__typename).toBe('LoginSuccess');
  app.clock.advance(1);
  expect((await completeLogin(app, late, totpCode(enrolled.secret, app.clock.now()))).code).toBe(
    'INVALID_CHALLENGE',
  );
});

it('bears four wrong codes, and after five not even the right one', async () => {
  const four = await enrolledUser();
  const bearing = await challengeOf(four);
  for (let i = 0; i < 4; i++) {
    const wrong = await completeLogin(app, bearing, wrongTotpCode(app, four.secret));
    expect(wrong.code).toBe('INVALID_CODE');
  }
  const right = await completeLogin(app, bearing, nextTotpCode(app, four.secret));
  expect(right.__typename).toBe('LoginSuccess');

  const five = await enrolledUser();
  const dead = await challengeOf(five);
  for (let i = 0; i < 5; i++) await completeLogin(app, dead, wrongTotpCode(app, five.secret));
  expect((await completeLogin(app, dead, nextTotpCode(app, five.secret))).code).toBe(
    'INVALID_CHALLENGE',
  );
});

const FAILURES: [string, () => void][] = [
  [
    'was too busy to check a code',
    () => {
      const busy = new RequestError('OVERLOADED', { retryAfter: 1 });
      vi.spyOn(app.app.deps.attemptGate, 'enter').mockRejectedValueOnce(busy);
    },
  ],
  [
    'lost its database when it had checked a code',
    () => {
      const { db } = app.app.deps;
      const transaction = db.transaction.bind(db);
      vi.spyOn(db, 'transaction').mockImplementationOnce((work) =>
        transaction(async (tx) => {
          await work(tx);
          throw new RequestError('UNAVAILABLE', { retryAfter: 2 });
        }),
      );
    },
  ],
];

it.each(FAILURES)('is as good as before when the service %s', async (_what, failNext) => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  const codes = [
    ...Array.from({ length: 6 }, () => wrongTotpCode(app, enrolled.secret)),
    nextTotpCode(app, enrolled.secret),
  ];
  for (const code of codes) {
    failNext();
    const { errors } = await completeLogin(app, challenge, code);
    expect(errors?.[0]?.extensions.code).toMatch(/^(OVERLOADED|UNAVAILABLE)$/);
  }
  vi.restoreAllMocks();
  const answer = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(answer.__typename).toBe('LoginSuccess');
  // what nobody was told of is on nobody's record
  expect(await auditTypes(app, enrolled.user.id)).not.toContain('LOGIN_FAILED');
});

it('gives five of thirty codes at the same moment an attempt, whatever the count of the user says', async () => {
  const tokenHash = opaqueTokenHash(await challengeOf(await enrolledUser()));
  const { db } = app.app.deps;
  const taken = await Promise.all(
    Array.from({ length: 30 }, () =>
      transaction(db, (tx) => takeChallengeAttempt(tx, tokenHash, 5, app.clock.now())),
    ),
  );
  expect(taken.filter(Boolean)).toHaveLength(5);
});

it('counts its own wrong codes, whatever succeeds beside it', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  for (const wrong of [3, 2]) {
    for (let i = 0; i < wrong; i++) {
      const answer = await completeLogin(app, challenge, wrongTotpCode(app, enrolled.secret));
      expect(answer.code).toBe('INVALID_CODE');
    }
    // the user's own count starts from zero
    const code = nextTotpCode(app, enrolled.secret);
    expect((await logIn(app, { identifier: enrolled.user.email, code })).__typename).toBe(
      'LoginSuccess',
    );
  }
  const right = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(right.code).toBe('INVALID_CHALLENGE');
});

it('counts wrong codes across challenges: signing in again gains no guesses', async () => {
  const enrolled = await enrolledUser();
  for (let i = 0; i < 5; i++) {
    const challenge = await challengeOf(enrolled);
    const wrong = await completeLogin(app, challenge, wrongTotpCode(app, enrolled.secret));
    expect(wrong.code).toBe('INVALID_CODE');
  }
  const challenge = await challengeOf(enrolled);
  const locked = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(locked.code).toBe('INVALID_CHALLENGE');
  expect(await auditTypes(app, enrolled.user.id)).toContain('ACCOUNT_LOCKED');
  app.clock.advance(901);
  const later = await challengeOf(enrolled);
  const answer = await completeLogin(app, later, nextTotpCode(app, enrolled.secret));
  expect(answer.__typename).toBe('LoginSuccess');
});

it('checks at most five of thirty wrong codes at the same moment, over six challenges', async () => {
  const enrolled = await enrolledUser();
  const challenges = await Promise.all(Array.from({ length: 6 }, () => challengeOf(enrolled)));
  const code = wrongTotpCode(app, enrolled.secret);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => completeLogin(app, challenges[i % 6] ?? '', code)),
  );
  const codes = answers.map((answer) => answer.code).sort();
  expect(codes).toEqual([...Array(25).fill('INVALID_CHALLENGE'), ...Array(5).fill('INVALID_CODE')]);
});

it('lets wrong codes and wrong passwords lock separately', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  for (let i = 0; i < 4; i++) {
    await completeLogin(app, challenge, wrongTotpCode(app, enrolled.secret));
    await logIn(app, { identifier: enrolled.user.email, password: 'wrong' });
  }
  const answer = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(answer.__typename).toBe('LoginSuccess');
});

it('takes one code once: not again, nor in the step after, nor the step before it', async () => {
  const enrolled = await enrolledUser();
  const code = nextTotpCode(app, enrolled.secret);
  const older = totpCode(enrolled.secret, new Date(app.clock.now().getTime() - 30_000));
  const used = await completeLogin(app, await challengeOf(enrolled), code);
  expect(used.__typename).toBe('LoginSuccess');
  const challenge = await challengeOf(enrolled);
  expect((await completeLogin(app, challenge, code)).code).toBe('INVALID_CODE');
  expect((await completeLogin(app, challenge, older)).code).toBe('INVALID_CODE');
  app.clock.advance(30);
  expect((await completeLogin(app, challenge, code)).code).toBe('INVALID_CODE');
  const next = await completeLogin(app, challenge, totpCode(enrolled.secret, app.clock.now()));
  expect(next.__typename).toBe('LoginSuccess');
});

it('takes no code that confirmed the enrolment', async () => {
  const user = await registerUser(app);
  const { secret } = await enrolTotp(app, user);
  const challenge = await challengeOf({ user, secret, recoveryCodes: [] });
  const code = totpCode(secret, app.clock.now());
  expect((await completeLogin(app, challenge, code)).code).toBe('INVALID_CODE');
});

it.each([
  ['TOTP code', ({ secret }: Enrolled) => nextTotpCode(app, secret)],
  ['recovery code', ({ recoveryCodes }: Enrolled) => recoveryCodes[0] ?? ''],
])('lets one of many in who send the same %s at the same moment', async (_what, codeOf) => {
  const enrolled = await enrolledUser();
  const challenges = await Promise.all(Array.from({ length: 4 }, () => challengeOf(enrolled)));
  const code = codeOf(enrolled);
  const answers = await Promise.all(
    [...challenges, ...challenges].map((challenge) => completeLogin(app, challenge, code)),
  );
  const winners = answers.filter((answer) => answer.__typename === 'LoginSuccess');
  expect(winners).toHaveLength(1);
  const rows = await runSql(app.databaseUrl, 'select id from sessions where user_id = ?', [
    idBytes(enrolled.user.id),
  ]);
  // the one of the registration, and this one
  expect(rows).toHaveLength(2);
});

it('lets one in of many who send different good codes to one challenge', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  const answers = await Promise.all(
    enrolled.recoveryCodes.slice(0, 5).map((code) => completeLogin(app, challenge, code)),
  );
  expect(answers.filter((answer) => answer.__typename === 'LoginSuccess')).toHaveLength(1);
  const [row] = await runSql<{ n: number }>(
    app.databaseUrl,
    'select count(*) as n from recovery_codes where user_id = ? and used_at is not null',
    [idBytes(enrolled.user.id)],
  );
  expect(row?.n).toBe(1);
});

it('uses a recovery code up, and puts that on record', async () => {
  const enrolled = await enrolledUser();
  const [code = ''] = enrolled.recoveryCodes;
  const { tokens } = await completeLogin(app, await challengeOf(enrolled), code);
  expect((await completeLogin(app, await challengeOf(enrolled), code)).code).toBe('INVALID_CODE');
  const { data } = await app.gql(
    '{ me { recoveryCodesRemaining } }',
    {},
    { token: tokens.accessToken },
  );
  expect(data.me.recoveryCodesRemaining).toBe(9);
  const types = await auditTypes(app, enrolled.user.id);
  expect(types.filter((type) => type === 'RECOVERY_CODE_USED')).toHaveLength(1);
});

it('remembers how long the session was wanted', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled, { remember: true });
  const { tokens } = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  const days = (Date.parse(tokens.refreshExpiresAt) - app.clock.now().getTime()) / 86_400_000;
  expect(days).toBe(30);
});

it('says that the account is disabled, to whoever had the password', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(enrolled.user.id),
  ]);
  const answer = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(answer).toMatchObject({ __typename: 'AccountDisabled', code: 'ACCOUNT_DISABLED' });
});

it('dies when the password is changed', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  await app.gql(
    `mutation { updateProfile(input: { currentPassword: "${PASSWORD}", newPassword: "another four words" }) { __typename } }`,
    {},
    { token: enrolled.user.accessToken },
  );
  const answer = await completeLogin(app, challenge, nextTotpCode(app, enrolled.secret));
  expect(answer.code).toBe('INVALID_CHALLENGE');
});

it('dies when TOTP is turned off', async () => {
  const enrolled = await enrolledUser();
  const challenge = await challengeOf(enrolled);
  const code = nextTotpCode(app, enrolled.secret);
  const { data } = await app.gql(
    `mutation ($code: String!) { disableTotp(input: { currentPassword: "${PASSWORD}", code: $code }) { __typename } }`,
    { code },
    { token: enrolled.user.accessToken },
  );
  expect(data.disableTotp.__typename).toBe('DisableTotpSuccess');
  expect((await completeLogin(app, challenge, enrolled.recoveryCodes[0] ?? '')).code).toBe(
    'INVALID_CHALLENGE',
  );
});

it('leaves no attempt pending after all of this', async () => {
  const rows = await runSql(app.databaseUrl, 'select * from attempt_counters where pending <> 0');
  expect(rows).toEqual([]);
});
