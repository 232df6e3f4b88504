import { afterAll, beforeAll, expect, it } from 'vitest';
import { passwordHint } from '../../src/crypto/password-hint.ts';
import { forgetExpiredByKind } from '../../src/flows/housekeeping.ts';
import { identifierKey } from '../../src/records/user.ts';
import { logIn, newName, PASSWORD, registerAdmin, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { mailsTo } from '../support/mailbox.ts';
import { makeAddresses, newAddress, REGISTER } from './support/addresses.ts';
import { statementsOf } from './support/statements.ts';

// E6: registering with a password and a username of one’s own, and looking what became of it

const OWN_PASSWORD = 'a stranger’s own four words';
const PROFILE = 'query ($username: String!) { profile(username: $username) { username } }';
const RENAME = `mutation ($username: String!) {
  updateProfile(input: { username: $username }) { __typename ... on Error { code } }
}`;
const CREATE = `mutation ($input: CreateUserInput!) {
  createUser(input: $input) { __typename ... on Error { code } }
}`;

let open: TestApp;
let app: TestApp;
/** Registered by a stranger one after the other: what kind of address each is, and the username that was wished for. */
let registered: { kind: string; email: string; username: string }[];
beforeAll(async () => {
  open = await createTestApp();
  const { databaseUrl, clock } = open;
  app = await createTestApp({ databaseUrl, clock, env: { REGISTRATION: 'verify' } });
  registered = Object.entries(await makeAddresses(open, app)).map(([kind, addressOf]) => {
    return { kind, email: addressOf(), username: newName() };
  });
  for (const { email, username } of registered) await registerAgain(email, { username });
}, 60_000);
afterAll(async () => {
  await app.close();
  await open.close();
});

async function registerAgain(email: string, more: object = {}): Promise<void> {
  app.clock.advance(1);
  const input = { email, password: OWN_PASSWORD, ...more };
  const { data } = await app.gql(REGISTER, { input });
  expect(data.register.__typename).toBe('VerificationSent');
}

/** What becomes visible of something that is tried at every address, and at which. */
async function outcomes<T>(probe: (one: (typeof registered)[number]) => Promise<T>) {
  const seenAt: Record<string, string[]> = {};
  for (const one of registered) {
    const outcome = JSON.stringify(await probe(one));
    seenAt[outcome] = [...(seenAt[outcome] ?? []), one.kind];
  }
  expect(Object.keys(seenAt), JSON.stringify(seenAt, null, 1)).toHaveLength(1);
  return JSON.parse(Object.keys(seenAt)[0] ?? 'null');
}

async function cost(work: () => Promise<unknown>) {
  await app.app.deps.afterwards.idle();
  const hashes = app.hashes();
  const statements = await statementsOf(app, work);
  return { hashes: app.hashes() - hashes, statements };
}

/** Not the password that waits at an address, and of another hint: of those with the same one in 256 costs a hash more. */
function wrongPassword(email: string): string {
  const hintOf = (password: string) =>
    passwordHint(app.app.deps.keyring.keys('password-hint'), identifierKey(email), password);
  const candidates = Array.from({ length: 20 }, (_, i) => `another ${i} words that fail`);
  return candidates.find((one) => !hintOf(one).equals(hintOf(OWN_PASSWORD))) ?? '';
}

const signIn = (email: string, password: string) => logIn(app, { identifier: email, password });

it('the password is answered in the same way, at the same cost, and a wrong one too', async () => {
  for (const [passwordAt, code, hashes] of [
    [() => OWN_PASSWORD, 'EMAIL_NOT_VERIFIED', 2],
    [wrongPassword, 'INVALID_CREDENTIALS', 1],
  ] as const) {
    const answered = await outcomes(({ email }) => signIn(email, passwordAt(email)));
    expect(answered.code).toBe(code);
    const spent = await outcomes(({ email }) => cost(() => signIn(email, passwordAt(email))));
    expect(spent.hashes).toBe(hashes);
  }
  app.clock.advance(3600);
});

it('a wrong password costs no more where a registration waits than where none does', async () => {
  const nowhere = newAddress();
  await signIn(nowhere, wrongPassword(nowhere));
  const without = await cost(() => signIn(nowhere, wrongPassword(nowhere)));
  expect(without.hashes).toBe(1);
  const spent = await outcomes(({ email }) => cost(() => signIn(email, wrongPassword(email))));
  expect(spent).toEqual(without);
  app.clock.advance(3600);
});

it('owners are let in by their own password, also when they have registered once more with it', async () => {
  const { email } = registered.find(({ kind }) => kind === 'confirmed') ?? { email: '' };
  expect((await signIn(email, PASSWORD)).__typename).toBe('LoginSuccess');
  await registerAgain(email, { password: PASSWORD });
  expect((await signIn(email, PASSWORD)).__typename).toBe('LoginSuccess');
  await registerAgain(email);
});

it('the username does not sign in, is nobody’s, and whoever likes takes it', async () => {
  const token = (await registerUser(open)).accessToken;
  const byName = await outcomes(({ username }) => signIn(username, OWN_PASSWORD));
  expect(byName.code).toBe('INVALID_CREDENTIALS');
  const profile = await outcomes(async ({ username }) => {
    return (await app.gql(PROFILE, { username }, { token })).data;
  });
  expect(profile).toEqual({ profile: null });
  const renamed = await outcomes(async ({ username }) => {
    return (await app.gql(RENAME, { username }, { token })).data;
  });
  expect(renamed.updateProfile.__typename).toBe('UpdateProfileSuccess');
});

it('administrators, who may know, create accounts with the same name and at free addresses', async () => {
  const { accessToken: token } = await registerAdmin(open);
  const free = ['deleted', 'waiting', 'unknown'];
  for (const { kind, email } of registered) {
    const username = newName();
    await registerAgain(email, { username });
    const named = { email: newAddress(), username };
    const { data } = await app.gql(CREATE, { input: named }, { token });
    expect(data.createUser.__typename).toBe('CreateUserSuccess');
    if (!free.includes(kind)) continue;
    const atAddress = await app.gql(CREATE, { input: { email } }, { token });
    expect(atAddress.data.createUser.__typename).toBe('CreateUserSuccess');
    await runSql(app.databaseUrl, 'delete from users where email = ?', [email]);
  }
});

it('the right password counts with the wrong ones: whoever registers anew before each guess has no more of them', async () => {
  app.clock.advance(3600);
  const locked = await outcomes(async ({ email }) => {
    const codes: string[] = [];
    for (let i = 0; i < 2; i++) codes.push((await signIn(email, `wrong ${i}`)).code);
    for (let i = 0; i < 4; i++) {
      const password = `${OWN_PASSWORD} ${i}`;
      await registerAgain(email, { password });
      codes.push((await signIn(email, password)).code);
    }
    await registerAgain(email);
    return codes;
  });
  const refused = Array(2).fill('INVALID_CREDENTIALS');
  expect(locked).toEqual([...refused, ...Array(3).fill('EMAIL_NOT_VERIFIED'), 'ACCOUNT_LOCKED']);
  app.clock.advance(3600);
}, 60_000);

it('it is on record in the same way, as nobody’s', async () => {
  const newest =
    'select type, user_id, actor_id, detail from audit_events order by at desc, id desc limit 1';
  const recorded = await outcomes(async ({ email }) => {
    app.clock.advance(1);
    await signIn(email, OWN_PASSWORD);
    return runSql(app.databaseUrl, newest);
  });
  const detail = JSON.stringify({ reason: 'EMAIL_NOT_VERIFIED' });
  expect(recorded).toEqual([{ type: 'LOGIN_FAILED', user_id: null, actor_id: null, detail }]);
});

it('it waits for as long, and whoever asks by signing in is sent a link where the address is free only', async () => {
  for (const { email } of registered) await registerAgain(email);
  app.clock.advance(2 * 86_400);
  const mails = async (email: string) => (await mailsTo(app, email)).map(({ message }) => message);
  const before = new Map<string, number>();
  for (const { email } of registered) before.set(email, (await mails(email)).length);
  await outcomes(({ email }) => signIn(email, OWN_PASSWORD));
  await app.app.deps.afterwards.idle();
  const sent: string[] = [];
  for (const { kind, email } of registered) {
    if ((await mails(email)).length > (before.get(email) ?? 0)) sent.push(kind);
  }
  expect(sent).toEqual(['deleted', 'waiting', 'unknown']);
  // more than a week after the first link has run out, and less than that after the second
  app.clock.advance(7 * 86_400);
  await forgetExpiredByKind(app.app.deps);
  expect((await outcomes(({ email }) => signIn(email, OWN_PASSWORD))).code).toBe(
    'EMAIL_NOT_VERIFIED',
  );
  await app.app.deps.afterwards.idle();
  app.clock.advance(9 * 86_400);
  await forgetExpiredByKind(app.app.deps);
  expect((await outcomes(({ email }) => signIn(email, OWN_PASSWORD))).code).toBe(
    'INVALID_CREDENTIALS',
  );
});
