import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  completeLogin,
  enrolTotp,
  FAILURE,
  idBytes,
  logIn,
  nextTotpCode,
  PASSWORD,
  registerUser,
  storedValues,
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

async function change(user: TestUser, mutation: string, variables: Record<string, string>) {
  const declared = Object.keys(variables).map((name) => `$${name}: String!`);
  const query = `mutation (${declared.join(', ')}) { result: ${mutation} }`;
  const answer = await app.gql(query, variables, { token: user.accessToken });
  return answer.data?.result ?? answer;
}

const enable = (user: TestUser, currentPassword = PASSWORD) =>
  change(
    user,
    `enableTotp(input: { currentPassword: $currentPassword }) {
      __typename ... on EnableTotpSuccess { secret uri qrCode } ${FAILURE}
    }`,
    { currentPassword },
  );

const confirm = (user: TestUser, code: string) =>
  change(
    user,
    `confirmTotp(input: { code: $code }) {
      __typename
      ... on ConfirmTotpSuccess { recoveryCodes user { totpEnabled recoveryCodesRemaining } }
      ${FAILURE}
    }`,
    { code },
  );

const disable = (user: TestUser, code: string, currentPassword = PASSWORD) =>
  change(
    user,
    `disableTotp(input: { currentPassword: $currentPassword, code: $code }) {
      __typename ... on DisableTotpSuccess { user { totpEnabled recoveryCodesRemaining } } ${FAILURE}
    }`,
    { currentPassword, code },
  );

const regenerate = (user: TestUser, code: string, currentPassword = PASSWORD) =>
  change(
    user,
    `regenerateRecoveryCodes(input: { currentPassword: $currentPassword, code: $code }) {
      __typename ... on RegenerateRecoveryCodesSuccess { recoveryCodes } ${FAILURE}
    }`,
    { currentPassword, code },
  );

async function totpEnabled(user: TestUser): Promise<boolean> {
  const { data } = await app.gql('{ me { totpEnabled } }', {}, { token: user.accessToken });
  return data.me.totpEnabled;
}

const codeNow = (secret: string) => totpCode(secret, app.clock.now());

it('gives an authenticator app all it needs', async () => {
  const user = await registerUser(app);
  const answer = await enable(user);
  // 160 bits in base32
  expect(answer.secret).toMatch(/^[A-Z2-7]{32}$/);
  const uri = new URL(answer.uri);
  expect(uri.protocol).toBe('otpauth:');
  expect(uri.searchParams.get('secret')).toBe(answer.secret);
  expect(uri.searchParams.get('issuer')).toBeTruthy();
  expect(decodeURIComponent(uri.pathname)).toContain(user.email);
  expect(answer.qrCode).toMatch(/^data:image\/(gif|png|svg\+xml);base64,[\w+/]+=*$/);
  expect((await enable(user)).secret).not.toBe(answer.secret);
});

it('is not in force before a code confirms it', async () => {
  const user = await registerUser(app);
  await enable(user);
  expect(await totpEnabled(user)).toBe(false);
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
});

it('is in force from the first good code on, with ten recovery codes', async () => {
  const user = await registerUser(app);
  const { secret } = await enable(user);
  const answer = await confirm(user, codeNow(secret));
  expect(answer).toMatchObject({
    __typename: 'ConfirmTotpSuccess',
    user: { totpEnabled: true, recoveryCodesRemaining: 10 },
  });
  expect(new Set(answer.recoveryCodes).size).toBe(10);
  for (const code of answer.recoveryCodes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-?){4}$/);
  expect(await totpEnabled(user)).toBe(true);
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('MfaRequired');
  expect(await auditTypes(app, user.id)).toEqual(
    expect.arrayContaining(['TOTP_ENROLMENT_STARTED', 'TOTP_ENABLED', 'LOGIN_CHALLENGED']),
  );
});

it('takes the password to start with: a stolen access token is not enough', async () => {
  const user = await registerUser(app);
  for (const password of ['', 'wrong', `${PASSWORD}\0`, 'x'.repeat(50_000)]) {
    expect((await enable(user, password)).code).toBe('INVALID_CREDENTIALS');
  }
  expect((await confirm(user, '123456')).code).toBe('TOTP_NOT_ENABLED');
});

it('refuses wrong codes, and after five all codes for a quarter of an hour', async () => {
  const user = await registerUser(app);
  const { secret } = await enable(user);
  for (let i = 0; i < 5; i++) {
    expect(await confirm(user, wrongTotpCode(app, secret))).toMatchObject({
      __typename: 'InvalidCode',
      code: 'INVALID_CODE',
    });
  }
  const locked = await confirm(user, codeNow(secret));
  expect(locked.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 900 } }]);
  expect(await totpEnabled(user)).toBe(false);
});

it.each(['', '12345', '1234567', '１２３４５６', '12345\0', '\uD800', '1'.repeat(50_000)])(
  'takes for a wrong code what is none (%#)',
  async (code) => {
    const user = await registerUser(app);
    await enable(user);
    expect((await confirm(user, code)).code).toBe('INVALID_CODE');
  },
);

it('takes no code of a secret that a newer one has replaced', async () => {
  const user = await registerUser(app);
  const [first, second] = [await enable(user), await enable(user)];
  expect((await confirm(user, codeNow(first.secret))).code).toBe('INVALID_CODE');
  expect((await confirm(user, codeNow(second.secret))).__typename).toBe('ConfirmTotpSuccess');
});

it('waits for its code for a quarter of an hour', async () => {
  const [early, late] = [await registerUser(app), await registerUser(app)];
  const enrolments = [await enable(early), await enable(late)];
  app.clock.advance(890);
  const inTime = await confirm(early, codeNow(enrolments[0].secret));
  expect(inTime.__typename).toBe('ConfirmTotpSuccess');
  app.clock.advance(15);
  const { tokens } = await logIn(app, { identifier: late.email });
  const tooLate = await confirm({ ...late, ...tokens }, codeNow(enrolments[1].secret));
  expect(tooLate.code).toBe('TOTP_NOT_ENABLED');
});

it('is confirmed once of many times at the same moment', async () => {
  const user = await registerUser(app);
  const { secret } = await enable(user);
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => confirm(user, codeNow(secret))),
  );
  const winners = answers.filter((answer) => answer.__typename === 'ConfirmTotpSuccess');
  expect(winners).toHaveLength(1);
  // and it is the winner's recovery codes that are good
  const [code] = winners[0].recoveryCodes;
  const { challenge } = await logIn(app, { identifier: user.email });
  expect((await completeLogin(app, challenge, code)).__typename).toBe('LoginSuccess');
});

it('is not enrolled over one that is in force', async () => {
  const user = await registerUser(app);
  const pending = await enable(user);
  await confirm(user, codeNow(pending.secret));
  expect((await enable(user)).code).toBe('TOTP_ALREADY_ENABLED');
  expect((await confirm(user, nextTotpCode(app, pending.secret))).code).toBe(
    'TOTP_ALREADY_ENABLED',
  );
});

it('is turned off by password and code, both', async () => {
  const user = await registerUser(app);
  expect((await disable(user, '123456')).code).toBe('TOTP_NOT_ENABLED');
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  expect((await disable(user, nextTotpCode(app, secret), 'wrong')).code).toBe(
    'INVALID_CREDENTIALS',
  );
  expect((await disable(user, wrongTotpCode(app, secret))).code).toBe('INVALID_CODE');
  expect(await totpEnabled(user)).toBe(true);
  expect(await disable(user, codeNow(secret))).toEqual({
    __typename: 'DisableTotpSuccess',
    user: { totpEnabled: false, recoveryCodesRemaining: 0 },
  });
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  expect(await auditTypes(app, user.id)).toContain('TOTP_DISABLED');
  // what was issued before is void for the next enrolment too
  const again = await enrolTotp(app, user);
  expect((await disable(user, nextTotpCode(app, secret))).code).toBe('INVALID_CODE');
  expect((await disable(user, recoveryCodes[0] ?? '')).code).toBe('INVALID_CODE');
  expect((await disable(user, again.recoveryCodes[0] ?? '')).__typename).toBe('DisableTotpSuccess');
});

it('takes a code for one thing only: what signed in does not turn it off', async () => {
  const user = await registerUser(app);
  const { secret } = await enrolTotp(app, user);
  const code = nextTotpCode(app, secret);
  const signedIn = await logIn(app, { identifier: user.email, code });
  expect(signedIn.__typename).toBe('LoginSuccess');
  expect((await disable(user, code)).code).toBe('INVALID_CODE');
  expect((await regenerate(user, code)).code).toBe('INVALID_CODE');
});

it('issues other recovery codes by password and code, and voids the earlier ones', async () => {
  const user = await registerUser(app);
  expect((await regenerate(user, '123456')).code).toBe('TOTP_NOT_ENABLED');
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  expect((await regenerate(user, nextTotpCode(app, secret), '')).code).toBe('INVALID_CREDENTIALS');
  expect((await regenerate(user, wrongTotpCode(app, secret))).code).toBe('INVALID_CODE');
  const answer = await regenerate(user, recoveryCodes[0] ?? '');
  expect(answer.__typename).toBe('RegenerateRecoveryCodesSuccess');
  expect(new Set([...answer.recoveryCodes, ...recoveryCodes]).size).toBe(20);
  const identifier = user.email;
  expect((await logIn(app, { identifier, code: recoveryCodes[1] })).code).toBe('INVALID_CODE');
  const [code] = answer.recoveryCodes;
  expect((await logIn(app, { identifier, code })).__typename).toBe('LoginSuccess');
  expect(await auditTypes(app, user.id)).toContain('RECOVERY_CODES_REGENERATED');
});

it('counts wrong passwords of a signed-in person apart from those at the door', async () => {
  const user = await registerUser(app);
  for (let i = 0; i < 5; i++) {
    expect((await enable(user, `wrong ${i}`)).code).toBe('INVALID_CREDENTIALS');
  }
  const hashes = app.hashes();
  const locked = await enable(user);
  expect(locked.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 900 } }]);
  expect(app.hashes()).toBe(hashes);
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  const failures = (await auditTypes(app, user.id)).filter((t) => t === 'REAUTHENTICATION_FAILED');
  expect(failures).toHaveLength(5);
});

it('keeps neither secrets nor recovery codes in a form that could be read', async () => {
  const [pending, enrolled] = [await registerUser(app), await registerUser(app)];
  const waiting = await enable(pending);
  const { secret, recoveryCodes } = await enrolTotp(app, enrolled);
  const texts = [waiting.secret, secret, ...recoveryCodes];
  const needles = texts.flatMap((text) => [
    Buffer.from(text),
    Buffer.from(text.replaceAll('-', '')),
    Buffer.from(text.toLowerCase()),
    base32Bytes(text.replaceAll('-', '')),
  ]);
  const values = await storedValues(app);
  expect(values.length).toBeGreaterThan(100);
  const readable = values.filter(({ bytes }) => needles.some((needle) => bytes.includes(needle)));
  expect(readable.map((value) => value.place)).toEqual([]);
});

it("does not open with another user's row: the ciphertext belongs to its owner", async () => {
  const [one, other] = [await registerUser(app), await registerUser(app)];
  const { secret } = await enrolTotp(app, one);
  await enrolTotp(app, other);
  const [row] = await runSql<{ totp_secret: Buffer }>(
    app.databaseUrl,
    'select totp_secret from users where id = ?',
    [idBytes(one.id)],
  );
  await runSql(app.databaseUrl, 'update users set totp_secret = ? where id = ?', [
    row?.totp_secret ?? null,
    idBytes(other.id),
  ]);
  const answer = await logIn(app, { identifier: other.email, code: nextTotpCode(app, secret) });
  expect(answer.errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
});

function base32Bytes(text: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...text].map((c) => Math.max(0, alphabet.indexOf(c)).toString(2).padStart(5, '0'));
  const octets = bits.join('').match(/.{8}/g) ?? [];
  return Buffer.from(octets.map((octet) => Number.parseInt(octet, 2)));
}
