import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  enrolTotp,
  logIn,
  newName,
  nextTotpCode,
  registerUser,
  type TestUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

/** How many wrong passwords or codes may be tried before the account locks. */
const BUDGET = 5;
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';

let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  // as in production: with the limits of traffic on top
  const env = { RATE_LIMIT: 'on', HASH_QUEUE: '1000' };
  app = await createTestApp({ env });
  other = await createTestApp({ env, databaseUrl: app.databaseUrl, clock: app.clock });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

// no attack may be stopped by what another one used up
let lastAddress = 0;
const newAddress = () =>
  `10.${(++lastAddress >> 16) & 255}.${(lastAddress >> 8) & 255}.${lastAddress & 255}`;

/** Runs an attack on a new account. @returns how many passwords were checked on both instances */
async function checked(attack: (victim: TestUser) => Promise<unknown>): Promise<number> {
  const name = newName('é');
  const victim = await registerUser(app, { username: name, email: `${name}@example.com` });
  const before = app.hashes() + other.hashes();
  await attack(victim);
  const after = app.hashes() + other.hashes() - before;
  // whatever was tried, it was not in vain: guessing goes no further
  const answer = await logIn(app, { identifier: victim.email, password: 'x' }, newAddress());
  expect(['ACCOUNT_LOCKED', 'INVALID_CREDENTIALS']).toContain(answer.code);
  return after;
}

const times = <T>(n: number, make: (i: number) => T): T[] =>
  Array.from({ length: n }, (_, i) => make(i));

const field = (identifier: string, i: number) =>
  `a${i}: login(input: { identifier: ${JSON.stringify(identifier)}, password: "guess ${i}" }) { __typename }`;

describe('one document with many guesses is refused as a whole', () => {
  const vehicles: [string, (identifier: string) => string][] = [
    ['G1: fifty aliases', (name) => `mutation { ${times(50, (i) => field(name, i)).join(' ')} }`],
    ['G1: two aliases', (name) => `mutation { ${times(2, (i) => field(name, i)).join(' ')} }`],
    [
      'G2: fragments',
      (name) =>
        `mutation { ${times(10, (i) => `...F${i}`).join(' ')} } ${times(10, (i) => `fragment F${i} on Mutation { ${field(name, i)} }`).join(' ')}`,
    ],
    [
      'G2: fragments in fragments',
      (name) =>
        `mutation { ...F0 } ${times(8, (i) => `fragment F${i} on Mutation { ${field(name, i)} ...F${i + 1} }`).join(' ')} fragment F8 on Mutation { ${field(name, 8)} }`,
    ],
    [
      'G2: inline fragments',
      (name) =>
        `mutation { ${times(10, (i) => `... on Mutation { ... { ${field(name, i)} } }`).join(' ')} }`,
    ],
    [
      'G2: an alias beside a fragment',
      (name) => `mutation { ${field(name, 0)} ...F } fragment F on Mutation { ${field(name, 1)} }`,
    ],
    [
      'directives that leave fields out',
      (name) =>
        `mutation { ${times(3, (i) => field(name, i).replace(/ \{ __typename \}$/, ' @include(if: true) { __typename }')).join(' ')} }`,
    ],
    [
      'guesses at different things',
      (name) =>
        `mutation { ${field(name, 0)} completeLogin(input: { challenge: "x", code: "000000" }) { __typename } }`,
    ],
    [
      'guesses beside a refresh',
      (name) =>
        `mutation { refresh(input: { refreshToken: "x" }) { __typename } ${field(name, 0)} }`,
    ],
  ];

  it.each(vehicles)('%s', async (_what, document) => {
    const hashes = await checked(async ({ email }) => {
      for (let i = 0; i < 3; i++) {
        const { data, errors } = await app.gql(document(email), {}, { from: newAddress() });
        expect(data ?? null).toBeNull();
        expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
      }
    });
    expect(hashes).toBe(0);
  });
});

it('G3: an array of requests is refused, and none of them runs', async () => {
  const hashes = await checked(async ({ email }) => {
    const batch = times(10, (i) => ({
      query: LOGIN,
      variables: { input: { identifier: email, password: `guess ${i}` } },
    }));
    const response = await app.post(batch, { from: newAddress() });
    expect(response.status).toBe(400);
    expect(Array.isArray(await response.json())).toBe(false);
  });
  expect(hashes).toBe(0);
});

it('of several operations only the named one runs', async () => {
  const hashes = await checked(async ({ email }) => {
    const query = times(8, (i) => `mutation m${i} { ${field(email, i)} }`).join(' ');
    for (const operationName of [undefined, null, '', 'm0,m1']) {
      const answer = await (
        await app.post({ query, operationName }, { from: newAddress() })
      ).json();
      expect(answer).not.toHaveProperty('data.login');
    }
    const [one] = [{ query, operationName: 'm3' }];
    expect(await (await app.post(one, { from: newAddress() })).json()).toEqual({
      data: { a3: { __typename: 'InvalidCredentials' } },
    });
  });
  expect(hashes).toBe(1);
});

it('a merged field is one guess, however often it is written', async () => {
  const hashes = await checked(async ({ email }) => {
    const login = field(email, 0);
    const query = `mutation { ...F ...F ...F } fragment F on Mutation { ${login} }`;
    await app.gql(query, {}, { from: newAddress() });
  });
  expect(hashes).toBe(1);
});

it('B2: of a hundred guesses at the same moment the budget is checked', async () => {
  const hashes = await checked((victim) =>
    Promise.all(
      times(100, (i) =>
        logIn(app, { identifier: victim.email, password: `guess ${i}` }, newAddress()),
      ),
    ),
  );
  expect(hashes).toBe(BUDGET);
});

it('B2: of a hundred guesses at the same moment at two instances the budget is checked', async () => {
  const hashes = await checked((victim) =>
    Promise.all(
      times(100, (i) =>
        logIn(
          i % 2 === 0 ? app : other,
          { identifier: victim.email, password: `guess ${i}` },
          newAddress(),
        ),
      ),
    ),
  );
  expect(hashes).toBe(BUDGET);
});

it('B2: waves of guesses gain nothing on guesses one by one', async () => {
  const hashes = await checked(async (victim) => {
    for (let wave = 0; wave < 8; wave++) {
      const input = { identifier: victim.email, password: `guess ${wave}` };
      await Promise.all(times(4, (i) => logIn(i % 2 === 0 ? app : other, input, newAddress())));
      // not long enough to be forgotten, but longer than an attempt may be left pending
      app.clock.advance(31);
    }
  });
  expect(hashes).toBe(BUDGET);
});

describe('B3: every spelling of an identifier has one budget', () => {
  const spell: [string, (name: string, i: number) => string][] = [
    [
      'case',
      (name, i) => [...name].map((c, at) => ((i >> (at % 5)) & 1 ? c.toUpperCase() : c)).join(''),
    ],
    ['spaces', (name, i) => `${' '.repeat(i)}${name}${'\t\n\u00a0\u3000\ufeff'.slice(0, i % 6)}`],
    ['composition', (name, i) => (i % 2 === 0 ? name.normalize('NFD') : name.normalize('NFC'))],
    [
      'width',
      (name, i) =>
        name.replace(/[a-z0-9@.]/g, (c, at) =>
          at % 20 === i ? String.fromCodePoint(c.charCodeAt(0) + 0xfee0) : c,
        ),
    ],
    [
      'mathematical letters',
      (name, i) =>
        name.replace(/[a-z]/g, (c, at) =>
          at % 20 === i ? String.fromCodePoint(0x1d41a + c.charCodeAt(0) - 97) : c,
        ),
    ],
    [
      'circled letters',
      (name, i) =>
        name.replace(/[a-z]/g, (c, at) =>
          at % 20 === i ? String.fromCodePoint(0x24d0 + c.charCodeAt(0) - 97) : c,
        ),
    ],
    [
      'capital and width',
      (name, i) =>
        name.replace(/[a-z]/g, (c, at) =>
          at % 20 === i ? String.fromCodePoint(c.charCodeAt(0) - 32 + 0xfee0) : c,
        ),
    ],
  ];

  it.each(spell)('%s, of the e-mail address', async (_what, spelled) => {
    const hashes = await checked(async ({ email }) => {
      for (let i = 0; i < 20; i++) {
        const input = { identifier: spelled(email, i), password: `guess ${i}` };
        await logIn(i % 2 === 0 ? app : other, input, newAddress());
      }
    });
    expect(hashes).toBe(BUDGET);
  });

  it('all of them at the same moment, of the username', async () => {
    const hashes = await checked((victim) =>
      Promise.all(
        spell.flatMap(([, spelled]) =>
          times(6, (i) =>
            logIn(app, { identifier: spelled(victim.username, i), password: `${i}` }, newAddress()),
          ),
        ),
      ),
    );
    expect(hashes).toBe(BUDGET);
  });

  it('e-mail address and username have one each, and no third name has any', async () => {
    const hashes = await checked(async ({ email, username }) => {
      for (let i = 0; i < 12; i++) {
        for (const identifier of [email, username, ` ${email.toUpperCase()}`]) {
          await logIn(app, { identifier, password: `guess ${i}` }, newAddress());
        }
      }
    });
    expect(hashes).toBeLessThanOrEqual(2 * BUDGET);
  });
});

it.each([
  ['X-Forwarded-For', (i: number) => ({ 'x-forwarded-for': `203.0.113.${i}` })],
  ['Forwarded', (i: number) => ({ forwarded: `for=203.0.113.${i}` })],
  ['X-Real-IP', (i: number) => ({ 'x-real-ip': `203.0.113.${i}` })],
  ['a user agent', (i: number) => ({ 'user-agent': `browser ${i}` })],
  ['a request id', (i: number) => ({ 'x-request-id': `request-${i}` })],
  [
    'a device cookie',
    (i: number) => ({
      cookie: `latchkey-device=0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaa${i}.9999999999.${'A'.repeat(43)}`,
    }),
  ],
])('B4: another %s with each guess gains none', async (_what, headers) => {
  const hashes = await checked(async ({ email }) => {
    for (let i = 0; i < 9; i++) {
      const variables = { input: { identifier: email, password: `guess ${i}` } };
      await app.post({ query: LOGIN, variables }, { from: newAddress(), headers: headers(i) });
    }
  });
  expect(hashes).toBe(BUDGET);
});

it('device tokens of other accounts, of no account and of none at all gain no guesses', async () => {
  const attacker = await registerUser(app);
  const hashes = await checked(async (victim) => {
    for (let i = 0; i < 4; i++) {
      const { tokens } = await logIn(app, { identifier: attacker.email }, newAddress());
      const mine = tokens.deviceToken as string;
      for (const deviceToken of [mine, mine.replace(/^[^.]+/, victim.id), victim.id, null]) {
        const input = { identifier: victim.email, password: `guess ${i}`, deviceToken };
        await logIn(app, input, newAddress());
      }
    }
  });
  // four of them are the attacker's own sign-ins
  expect(hashes - 4).toBe(BUDGET);
});

it('what cannot be a password costs neither a hash nor a guess', async () => {
  const hashes = await checked(async ({ email }) => {
    for (const password of ['x'.repeat(129), 'a\0b', '\ud800', 'x'.repeat(50_000)]) {
      for (let i = 0; i < 3; i++) await logIn(app, { identifier: email, password }, newAddress());
    }
  });
  expect(hashes).toBe(0);
});

describe('G4, M4: codes', () => {
  const COMPLETE = (challenge: string, code: string, i = 0) =>
    `a${i}: completeLogin(input: { challenge: "${challenge}", code: "${code}" }) { __typename }`;

  async function enrolled() {
    const user = await registerUser(app);
    const { secret } = await enrolTotp(app, user);
    const challenge = async () =>
      (await logIn(app, { identifier: user.email }, newAddress())).challenge as string;
    const send = async (query: string, to = app): Promise<string[]> => {
      const { data } = await to.gql(`mutation { ${query} }`, {}, { from: newAddress() });
      return Object.values(data ?? {}).map(
        (result) => (result as { __typename: string }).__typename,
      );
    };
    return { user, secret, challenge, send };
  }

  it('G4: aliases of a code are refused as a whole, and the challenge bears the right one after', async () => {
    const { secret, challenge, send } = await enrolled();
    const token = await challenge();
    const guesses = times(40, (i) => COMPLETE(token, String(i).padStart(6, '0'), i));
    expect(await send(guesses.join(' '))).toEqual([]);
    expect(await send(COMPLETE(token, nextTotpCode(app, secret)))).toEqual(['LoginSuccess']);
  });

  it('M4: a new challenge for each guess, at two instances at the same moment, gains none', async () => {
    const { secret, challenge, send } = await enrolled();
    const wrong = wrongTotpCode(app, secret);
    const tokens = [];
    for (let i = 0; i < 12; i++) tokens.push(await challenge());
    const answers = await Promise.all(
      tokens.map((token, i) => send(COMPLETE(token, wrong), i % 2 === 0 ? app : other)),
    );
    expect(answers.flat().filter((name) => name === 'InvalidCode')).toHaveLength(BUDGET);
    // locked now: not even the right code of a new challenge opens anything
    expect(await send(COMPLETE(await challenge(), nextTotpCode(app, secret)))).toEqual([
      'InvalidChallenge',
    ]);
  });

  it('M4: guesses with the password, by challenge and by a signed-in thief share one budget', async () => {
    const { user, secret, challenge, send } = await enrolled();
    const wrong = wrongTotpCode(app, secret);
    const told: string[] = [];
    for (let i = 0; i < 5; i++) {
      told.push(...(await send(COMPLETE(await challenge(), wrong))));
      const withPassword = await logIn(app, { identifier: user.email, code: wrong }, newAddress());
      told.push(withPassword.__typename);
      const query = `mutation { disableTotp(input: { currentPassword: "${user.password}", code: "${wrong}" }) { __typename } }`;
      const answer = await app.gql(query, {}, { token: user.accessToken });
      told.push(answer.data?.disableTotp?.__typename ?? answer.errors?.[0]?.extensions.code);
    }
    expect(told.filter((name) => name === 'InvalidCode')).toHaveLength(BUDGET);
    expect(told.slice(BUDGET).join()).toMatch(
      /^(?:InvalidChallenge|AccountLocked|RATE_LIMITED|,)+$/,
    );
  });
});

describe('of a signed-in thief', () => {
  const ATTEMPTS: [string, (guess: string) => string][] = [
    ['enableTotp', (guess) => `enableTotp(input: { currentPassword: "${guess}" }) { __typename }`],
    [
      'updateProfile',
      (guess) =>
        `updateProfile(input: { newPassword: "another four words", currentPassword: "${guess}" }) { __typename }`,
    ],
    [
      'deleteAccount',
      (guess) =>
        `deleteAccount(input: { confirm: true, currentPassword: "${guess}" }) { __typename }`,
    ],
    [
      'disableTotp',
      (guess) =>
        `disableTotp(input: { currentPassword: "${guess}", code: "000000" }) { __typename }`,
    ],
    [
      'regenerateRecoveryCodes',
      (guess) =>
        `regenerateRecoveryCodes(input: { currentPassword: "${guess}", code: "000000" }) { __typename }`,
    ],
  ];

  it('guesses at the password by all mutations that take it share one budget', async () => {
    const user = await registerUser(app);
    await enrolTotp(app, user);
    const before = app.hashes();
    await Promise.all(
      times(4, (i) =>
        Promise.all(
          ATTEMPTS.map(([, attempt]) =>
            app.gql(`mutation { ${attempt(`guess ${i}`)} }`, {}, { token: user.accessToken }),
          ),
        ),
      ),
    );
    // enableTotp knows without a password that it is on already
    expect(app.hashes() - before).toBeLessThanOrEqual(BUDGET);
    expect(app.hashes() - before).toBeGreaterThan(0);
  });
});
