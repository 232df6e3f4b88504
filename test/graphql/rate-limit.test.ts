import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConfigError } from '../../src/config-error.ts';
import { RATE_LIMITS } from '../../src/rate-limits.ts';
import {
  enrolTotp,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerUser,
  storedValues,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type Sending, type TestApp } from '../support/app.ts';
import { requestReset, requestVerification } from '../support/mailbox.ts';

/** The service, and two instances of it over the same database that limit: one tightly, one by every limit but once. */
let open: TestApp;
let app: TestApp;
let once: TestApp;

const LIMITS = 'register=3/2,login=6/1,login.account=3/10,refresh=5/1,updateProfile=2/1';
const names = Object.values(RATE_LIMITS).flatMap((limits) => limits.map(({ name }) => name));

beforeAll(async () => {
  open = await createTestApp();
  const over = { databaseUrl: open.databaseUrl, clock: open.clock };
  app = await createTestApp({ ...over, env: { RATE_LIMIT: 'on', RATE_LIMITS: LIMITS } });
  const oneEach = names.map((name) => `${name}=1/7`).join(',');
  once = await createTestApp({ ...over, env: { RATE_LIMIT: 'on', RATE_LIMITS: oneEach } });
});
afterAll(async () => {
  await once.close();
  await app.close();
  await open.close();
});

let lastAddress = 0;
/** An address that no other test has. */
const newAddress = () => `198.18.${lastAddress >> 8}.${lastAddress++ & 255}`;

const REGISTER = 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
const UPDATE = 'mutation { updateProfile(input: { displayName: "Ada" }) { __typename } }';

/** How a call ends: the member of its union, or the code of its error. */
async function end(query: string, input: object, sending: Sending, on = app): Promise<string> {
  const { data, errors } = await on.gql(query, { input }, sending);
  return String(
    errors?.[0]?.extensions.code ?? Object.values<{ __typename: string }>(data)[0]?.__typename,
  );
}

const register = (from: string, on = app) =>
  end(REGISTER, { email: `${newName()}@example.com`, password: PASSWORD }, { from }, on);
const login = (from: string, identifier: string, on = app) =>
  end(LOGIN, { identifier, password: 'wrong' }, { from }, on);

it('lets so many through, refuses the next and says until when', async () => {
  const from = newAddress();
  for (let i = 0; i < 3; i++) expect(await register(from)).toBe('RegisterSuccess');
  open.clock.advance(30);
  const hashes = app.hashes();
  const input = { email: `${newName()}@example.com`, password: PASSWORD };
  const { data, errors } = await app.gql(REGISTER, { input }, { from });
  expect(data).toBeNull();
  expect(errors).toMatchObject([
    {
      path: ['register'],
      message: expect.stringMatching(/at most 3 in 2 minutes by address .*register.* 90 seconds/),
      extensions: { code: 'RATE_LIMITED', retryAfter: 90 },
    },
  ]);
  expect(app.hashes()).toBe(hashes);
  open.clock.advance(89);
  expect(await register(from)).toBe('RATE_LIMITED');
  open.clock.advance(1);
  for (let i = 0; i < 3; i++) expect(await register(from)).toBe('RegisterSuccess');
  expect(await register(from)).toBe('RATE_LIMITED');
});

it('says to people in minutes what takes minutes', async () => {
  const from = newAddress();
  for (let i = 0; i < 3; i++) await register(from);
  const input = { email: `${newName()}@example.com`, password: PASSWORD };
  const { errors } = await app.gql(REGISTER, { input }, { from });
  expect(errors).toMatchObject([
    { message: expect.stringContaining('2 minutes.'), extensions: { retryAfter: 120 } },
  ]);
});

it('counts calls whatever they come to, and refused ones no longer than the window', async () => {
  const from = newAddress();
  for (let i = 0; i < 3; i++)
    expect(await end(REGISTER, { email: 'x', password: 'x' }, { from })).toBe('InvalidInput');
  for (let i = 0; i < 5; i++) expect(await register(from)).toBe('RATE_LIMITED');
  open.clock.advance(120);
  expect(await register(from)).toBe('RegisterSuccess');
});

it.each([
  ['IPv4 addresses each for itself', ['203.0.113.1', '203.0.113.2'], true],
  ['the same address in two spellings together', ['203.0.113.3', '::ffff:203.0.113.3'], false],
  [
    'IPv6 addresses of one /64 together',
    ['2001:db8:1:1::1', '2001:db8:1:1:ffff:ffff:ffff:ffff'],
    false,
  ],
  ['IPv6 addresses of two /64 apart', ['2001:db8:1:2::1', '2001:db8:1:3::1'], true],
])('counts %s', async (_what, [one = '', other = ''], apart) => {
  for (let i = 0; i < 3; i++) await register(one);
  expect(await register(one)).toBe('RATE_LIMITED');
  expect(await register(other)).toBe(apart ? 'RegisterSuccess' : 'RATE_LIMITED');
});

it('believes no header about the address', async () => {
  const from = newAddress();
  const ends: string[] = [];
  for (let i = 0; i < 4; i++) {
    const forged = `192.0.2.${i}`;
    const headers = {
      'x-forwarded-for': forged,
      'x-real-ip': forged,
      forwarded: `for=${forged}`,
      'cf-connecting-ip': forged,
      'true-client-ip': forged,
    };
    ends.push(await end(REGISTER, { email: 'x', password: 'x' }, { from, headers }));
  }
  expect(ends.at(-1)).toBe('RATE_LIMITED');
});

it('counts the calls at one account from one address, in all spellings of its name', async () => {
  const from = newAddress();
  const name = `é${newName('x')}`;
  const spellings = [name, ` ${name.toUpperCase()} `, name.normalize('NFD')];
  for (const spelling of spellings) expect(await login(from, spelling)).toBe('InvalidCredentials');
  expect(await login(from, name.replace('x', 'ｘ'))).toBe('RATE_LIMITED');
  // another account is another matter, as is another address
  expect(await login(from, newName())).toBe('InvalidCredentials');
  expect(await login(newAddress(), name)).toBe('InvalidCredentials');
});

it('counts the calls from one address over all accounts', async () => {
  const from = newAddress();
  for (let i = 0; i < 6; i++) expect(await login(from, newName())).toBe('InvalidCredentials');
  const hashes = app.hashes();
  expect(await login(from, newName())).toBe('RATE_LIMITED');
  expect(app.hashes()).toBe(hashes);
});

it('counts what a signed-in user does by user, wherever from', async () => {
  const [user, other] = [await registerUser(open), await registerUser(open)];
  const update = (by: TestUser) => end(UPDATE, {}, { token: by.accessToken, from: newAddress() });
  expect([await update(user), await update(user)]).toEqual(Array(2).fill('UpdateProfileSuccess'));
  expect(await update(user)).toBe('RATE_LIMITED');
  expect(await update(other)).toBe('UpdateProfileSuccess');
});

it('lets exactly so many of forty at the same moment through, over two instances', async () => {
  const other = await createTestApp({
    databaseUrl: open.databaseUrl,
    clock: open.clock,
    env: { RATE_LIMIT: 'on', RATE_LIMITS: LIMITS },
  });
  try {
    const from = newAddress();
    const hashes = app.hashes() + other.hashes();
    const ends = await Promise.all(
      Array.from({ length: 40 }, (_, i) => register(from, i % 2 === 0 ? app : other)),
    );
    expect(ends.sort()).toEqual([
      ...Array(37).fill('RATE_LIMITED'),
      ...Array(3).fill('RegisterSuccess'),
    ]);
    expect(app.hashes() + other.hashes() - hashes).toBe(3);
  } finally {
    await other.close();
  }
});

it('gains nobody anything to ask under several names in one document', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const calls = names.map(
    (name) => `${name}: login(input: { identifier: "x", password: "${name}" }) { __typename }`,
  );
  const spread = names.map(
    (name) =>
      `fragment F${name} on Mutation { ${name}: login(input: { identifier: "x", password: "${name}" }) { __typename } }`,
  );
  const documents = [
    `mutation { ${calls.join(' ')} }`,
    `mutation { ${names.map((name) => `...F${name}`).join(' ')} } ${spread.join(' ')}`,
    `mutation { ... on Mutation { ${calls.join(' ')} } }`,
  ];
  for (const query of documents) {
    const hashes = app.hashes();
    const { data, errors } = await app.gql(query, {}, { from: newAddress() });
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(app.hashes()).toBe(hashes);
  }
  const batch = calls.map((call) => ({ query: `mutation { ${call} }` }));
  const response = await app.post(batch, { from: newAddress() });
  expect(response.status).toBe(400);
});

/** One good call of every limited field. */
const CALLS: Record<string, (user: TestUser, from: string) => Promise<unknown>> = {
  register: (_user, from) => register(from, once),
  login: ({ email }, from) => logIn(once, { identifier: email }, from),
  completeLogin: (_user, from) =>
    once.gql(
      'mutation { completeLogin(input: { challenge: "x", code: "x" }) { __typename } }',
      {},
      { from },
    ),
  refresh: ({ refreshToken }) => refresh(once, refreshToken),
  requestPasswordReset: ({ email }, from) => requestReset(once, email, from),
  resetPassword: (_user, from) =>
    once.gql(
      'mutation { resetPassword(input: { token: "x", newPassword: "x" }) { __typename } }',
      {},
      { from },
    ),
  requestEmailVerification: ({ accessToken }) => requestVerification(once, accessToken),
  verifyEmail: (_user, from) =>
    once.gql('mutation { verifyEmail(input: { token: "x" }) { __typename } }', {}, { from }),
  unlockUser: ({ accessToken: token, id }) =>
    once.gql('mutation ($id: ID!) { unlockUser(id: $id) { __typename } }', { id }, { token }),
  dataExport: ({ accessToken: token }) => once.gql('{ me { dataExport } }', {}, { token }),
  profile: ({ accessToken: token, username }) =>
    once.gql(
      'query ($username: String!) { profile(username: $username) { username } }',
      { username },
      { token },
    ),
};

async function signedInCall(field: string, { accessToken: token }: TestUser) {
  const input = {
    updateProfile: '{ displayName: "Ada" }',
    enableTotp: '{ currentPassword: "x" }',
    confirmTotp: '{ code: "x" }',
    deleteAccount: '{ confirm: false, currentPassword: "x" }',
  }[field];
  const given = input ?? '{ currentPassword: "x", code: "x" }';
  const { data, errors } = await once.gql(
    `mutation { ${field}(input: ${given}) { __typename } }`,
    {},
    { token },
  );
  return data?.[field] ?? { errors };
}

it.each(Object.keys(RATE_LIMITS))('limits %s', async (field) => {
  const user = await registerUser(open);
  const from = newAddress();
  const call = () => CALLS[field]?.(user, from) ?? signedInCall(field, user);
  expect(JSON.stringify(await call())).not.toContain('RATE_LIMITED');
  expect(JSON.stringify(await call())).toContain('RATE_LIMITED');
});

it('counts together whoever is looked up, from wherever', async () => {
  const { accessToken: token } = await registerUser(open);
  const lookUp = (name: string) =>
    once.gql(`{ profile(username: "${name}") { username } }`, {}, { token, from: newAddress() });
  expect((await lookUp(newName())).errors).toBeUndefined();
  const { errors } = await lookUp(newName());
  expect(errors).toMatchObject([{ path: ['profile'], extensions: { code: 'RATE_LIMITED' } }]);
});

it('limits sign-ins by code and password apart from sign-ins by challenge', async () => {
  const user = await registerUser(open);
  const { secret } = await enrolTotp(open, user);
  const from = newAddress();
  const { challenge } = await logIn(once, { identifier: user.email }, from);
  const query =
    'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { __typename } }';
  const input = { challenge, code: nextTotpCode(open, secret) };
  expect(await end(query, input, { from }, once)).toBe('LoginSuccess');
});

it('forgets nothing when a service starts anew', async () => {
  const from = newAddress();
  for (let i = 0; i < 3; i++) await register(from);
  const restarted = await createTestApp({
    databaseUrl: open.databaseUrl,
    clock: open.clock,
    env: { RATE_LIMIT: 'on', RATE_LIMITS: LIMITS },
  });
  try {
    expect(await register(from, restarted)).toBe('RATE_LIMITED');
  } finally {
    await restarted.close();
  }
});

it('keeps no address and no name readable', async () => {
  const [from, name] = [newAddress(), newName()];
  await login(from, name);

  const needles = [from, name].map((text) => Buffer.from(text));
  const places = (await storedValues(open))
    .filter(
      ({ place, bytes }) =>
        place.startsWith('rate_limit') && needles.some((needle) => bytes.includes(needle)),
    )
    .map(({ place }) => place);
  expect(places).toEqual([]);
});

it('refuses to start with a limit that there is not', async () => {
  const starting = createTestApp({
    databaseUrl: open.databaseUrl,
    env: { RATE_LIMIT: 'on', RATE_LIMITS: 'logins=1/1' },
  });
  await expect(starting).rejects.toThrow(ConfigError);
  await expect(starting).rejects.toThrow(/RATE_LIMITS has no limit named "logins"/);
});
