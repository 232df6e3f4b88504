import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  idBytes,
  isSignedIn,
  logIn,
  newName,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
  totpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { resetPassword, resetToken } from '../support/mailbox.ts';

const OWNERS = 'the words that the owner chose';
const THIEFS = 'the words that the thief chose';

let app: TestApp;
/** What happens while the next password is hashed or verified, after the work. */
let meanwhile: (() => Promise<unknown>) | undefined;

async function afterHashing<T>(work: Promise<T>): Promise<T> {
  const result = await work;
  const happens = meanwhile;
  meanwhile = undefined;
  await happens?.();
  return result;
}

beforeAll(async () => {
  app = await createTestApp({
    overrides: {
      passwords: (hasher) => ({
        ...hasher,
        hash: (password) => afterHashing(hasher.hash(password)),
        verify: (hash, password) => afterHashing(hasher.verify(hash, password)),
      }),
    },
  });
});
beforeEach(() => {
  meanwhile = undefined;
});
afterAll(() => app.close());

async function mutate(field: string, user: TestUser) {
  const query = `mutation { result: ${field} { __typename } }`;
  const { data, errors } = await app.gql(query, {}, { token: user.accessToken });
  return data?.result?.__typename ?? errors?.[0]?.extensions.code;
}

/** Has the owner choose another password by mail while a change by the thief, who has the old one, is under way. */
async function resetDuring(change: (victim: TestUser) => string) {
  const victim = await registerUser(app);
  const token = await resetToken(app, victim.email);
  meanwhile = async () => {
    expect((await resetPassword(app, token, OWNERS)).__typename).toBe('ResetPasswordSuccess');
  };
  const outcome = await mutate(change(victim), victim);
  expect(meanwhile).toBeUndefined();
  return { outcome, victim };
}

it('a reset is not overwritten by a change of password that began before it', async () => {
  const { outcome, victim } = await resetDuring(
    ({ password }) =>
      `updateProfile(input: { currentPassword: "${password}", newPassword: "${THIEFS}" })`,
  );
  expect(outcome).toBe('InvalidCredentials');
  const identifier = victim.email;
  expect((await logIn(app, { identifier, password: THIEFS })).__typename).toBe(
    'InvalidCredentials',
  );
  expect((await logIn(app, { identifier, password: OWNERS })).__typename).toBe('LoginSuccess');
});

it('a reset is not followed by a change of address, a deletion or an enrolment that began before it', async () => {
  const changes = [
    ({ password }: TestUser) =>
      `updateProfile(input: { currentPassword: "${password}", newEmail: "${newName()}@thief.example" })`,
    ({ password }: TestUser) =>
      `deleteAccount(input: { confirm: true, currentPassword: "${password}" })`,
    ({ password }: TestUser) => `enableTotp(input: { currentPassword: "${password}" })`,
  ];
  for (const change of changes) {
    const { outcome, victim } = await resetDuring(change);
    expect(outcome, change(victim)).toBe('InvalidCredentials');
    const { tokens } = await logIn(app, { identifier: victim.email, password: OWNERS });
    const { data } = await app.gql(
      '{ me { pendingEmail totpEnabled } }',
      {},
      { token: tokens.accessToken },
    );
    expect(data.me).toEqual({ pendingEmail: null, totpEnabled: false });
  }
});

it('a session that was ended changes nothing any more', async () => {
  const victim = await registerUser(app);
  meanwhile = () => mutate('logout(everywhere: true)', victim);
  const change = `updateProfile(input: { currentPassword: "${victim.password}", newPassword: "${THIEFS}" })`;
  expect(await mutate(change, victim)).toBe('UNAUTHENTICATED');
  expect((await logIn(app, { identifier: victim.email })).__typename).toBe('LoginSuccess');
});

it('a sign-in that began before TOTP was turned on does not do without a code', async () => {
  const user = await registerUser(app);
  const token = user.accessToken;
  const enable = `mutation { enableTotp(input: { currentPassword: "${user.password}" }) {
    ... on EnableTotpSuccess { secret }
  } }`;
  const { secret } = (await app.gql(enable, {}, { token })).data.enableTotp;
  meanwhile = async () => {
    const confirm = `confirmTotp(input: { code: "${totpCode(secret, app.clock.now())}" })`;
    expect(await mutate(confirm, user)).toBe('ConfirmTotpSuccess');
  };
  const identifier = user.email;
  expect((await logIn(app, { identifier })).__typename).toBe('InvalidCredentials');
  expect((await logIn(app, { identifier })).__typename).toBe('MfaRequired');
});

it('an administrator who lost the right, or the session, creates nobody', async () => {
  const email = `${newName()}@example.com`;
  const create = `createUser(input: { email: "${email}", password: "${THIEFS}", role: ADMIN })`;
  const demoted = await registerAdmin(app);
  meanwhile = () => setRole(app, demoted, 'USER');
  expect(await mutate(create, demoted)).toBe('FORBIDDEN');
  const signedOut = await registerAdmin(app);
  meanwhile = () => mutate('logout', signedOut);
  expect(await mutate(create, signedOut)).toBe('UNAUTHENTICATED');
  expect(await isSignedIn(app, demoted.accessToken)).toBe(true);
  expect((await logIn(app, { identifier: email, password: THIEFS })).__typename).toBe(
    'InvalidCredentials',
  );
});

it('an enrolment that began before another was confirmed leaves no secret waiting', async () => {
  const user = await registerUser(app);
  const token = user.accessToken;
  const enable = `enableTotp(input: { currentPassword: "${user.password}" }) { __typename ... on EnableTotpSuccess { secret } }`;
  const { data } = await app.gql(`mutation { ${enable} }`, {}, { token });
  const code = totpCode(data.enableTotp.secret, app.clock.now());
  meanwhile = async () => {
    const confirmed = await mutate(`confirmTotp(input: { code: "${code}" })`, user);
    expect(confirmed).toBe('ConfirmTotpSuccess');
  };
  const late = await app.gql(`mutation { ${enable} }`, {}, { token });
  expect(meanwhile).toBeUndefined();
  expect(late.data.enableTotp).toEqual({ __typename: 'TotpAlreadyEnabled' });
  const waiting = await runSql(
    app.databaseUrl,
    'select user_id from totp_enrolments where user_id = ?',
    [idBytes(user.id)],
  );
  expect(waiting).toEqual([]);
});
