import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { kindsTo } from '../support/mailbox.ts';
import { type Addresses, makeAddresses, newAddress, REGISTER } from './support/addresses.ts';
import { statementsOf } from './support/statements.ts';
import { timesApart } from './support/timing.ts';

const ROUNDS = 30;
const RESET = `mutation ($input: RequestPasswordResetInput!) {
  requestPasswordReset(input: $input) { __typename message }
}`;
const UPDATE = `mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    __typename ... on UpdateProfileSuccess { user { email emailVerified } } ... on Error { code message }
  }
}`;

let open: TestApp;
let app: TestApp;
let addresses: Addresses;
beforeAll(async () => {
  open = await createTestApp();
  const { databaseUrl, clock } = open;
  // as much of argon2 as in production
  const env = { REGISTRATION: 'verify', ARGON2_MEMORY: '19456', ARGON2_PASSES: '2' };
  app = await createTestApp({ databaseUrl, clock, env });
  addresses = await makeAddresses(open, app);
}, 60_000);
afterAll(async () => {
  await app.close();
  await open.close();
});

/** All that a client sees of an answer, but for the address it sent. */
async function seen(response: Response, sent: string): Promise<string> {
  const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
  const text = (await response.text()).replaceAll(sent, 'the address');
  return JSON.stringify([response.status, headers, text]);
}

/** What becomes visible of the same request for every kind of address. */
async function answersFor(body: (email: string) => object, sending = {}): Promise<string[]> {
  const answers: string[] = [];
  for (const addressOf of Object.values(addresses)) {
    const email = addressOf();
    answers.push(await seen(await app.post(body(email), sending), email));
  }
  return [...new Set(answers)];
}

const attemptsAt = (body: (email: string) => object, sending = {}) =>
  Object.values(addresses).map((addressOf) => () => app.post(body(addressOf()), sending));

describe('E3: asking for a link to choose another password', () => {
  const body = (email: string) => ({ query: RESET, variables: { input: { email } } });

  it('is answered alike, to the byte, whoever has the address', async () => {
    expect(await answersFor(body)).toHaveLength(1);
  });

  it('runs no SQL at all before the answer', async () => {
    for (const addressOf of Object.values(addresses)) {
      const email = addressOf();
      await app.app.deps.afterwards.idle();
      expect(await statementsOf(app, () => app.post(body(email)))).toEqual([]);
    }
  });

  it('takes the same time, one after the other and many times the same', async () => {
    await app.app.deps.afterwards.idle();
    expect(await timesApart(attemptsAt(body), ROUNDS)).toBeNull();
    // the work that is left from the call before must not show either
    const { confirmed = newAddress } = addresses;
    const bursts = [confirmed, newAddress].map((addressOf) => async () => {
      for (let i = 0; i < 8; i++) await app.post(body(addressOf()));
    });
    expect(await timesApart(bursts, 15)).toBeNull();
    await app.app.deps.afterwards.idle();
  }, 120_000);
});

describe('E2: registering where the address must be confirmed', () => {
  const body = (email: string, more: object = {}) => ({
    query: REGISTER,
    variables: { input: { email, password: PASSWORD, ...more } },
  });

  it('is answered alike, to the byte, whoever has the address', async () => {
    expect(await answersFor(body)).toHaveLength(1);
    const named = await answersFor((email) => body(email, { username: newName() }));
    expect(named).toHaveLength(1);
    expect(named[0]).toContain('VerificationSent');
    const refused = await answersFor((email) => body(email, { password: 'short' }));
    expect(refused).toHaveLength(1);
    const cookies = await answersFor((email) => body(email, { cookies: true }));
    expect(cookies).toHaveLength(1);
  });

  it('costs one hash and as many statements, whoever has the address', async () => {
    await app.app.deps.afterwards.idle();
    const costs = new Set<string>();
    for (const addressOf of Object.values(addresses)) {
      const email = addressOf();
      await app.post(body(newAddress()));
      const hashes = app.hashes();
      const statements = await statementsOf(app, () => app.post(body(email)));
      costs.add(JSON.stringify([app.hashes() - hashes, statements]));
    }
    expect([...costs], [...costs].join('\n')).toHaveLength(1);
    const [hashes, statements] = JSON.parse([...costs][0] ?? '[]');
    expect(hashes).toBe(1);
    expect(statements.length).toBeGreaterThan(5);
  });

  it('takes the same time, whoever has the address', async () => {
    expect(await timesApart(attemptsAt(body), ROUNDS)).toBeNull();
  }, 240_000);

  it('tells owners by mail, and nobody else', async () => {
    const { confirmed = newAddress, waiting = newAddress } = addresses;
    // and no link to reset what is no account
    expect(new Set(await kindsTo(app, waiting()))).toEqual(new Set(['verify-email']));
    expect(await kindsTo(app, confirmed())).toContain('already-registered');
  });
});

describe('E4: asking for another address where it must be confirmed', () => {
  it('is answered alike, takes the same time and the same SQL, whoever has the address', async () => {
    const me = await registerUser(open);
    const sending = { token: me.accessToken };
    const body = (newEmail: string) => ({
      query: UPDATE,
      variables: { input: { newEmail, currentPassword: PASSWORD } },
    });
    const answers = await answersFor(body, sending);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toContain('UpdateProfileSuccess');
    const statements = new Set<string>();
    for (const addressOf of Object.values(addresses)) {
      const email = addressOf();
      statements.add(JSON.stringify(await statementsOf(app, () => app.post(body(email), sending))));
    }
    expect([...statements]).toHaveLength(1);
    expect(await timesApart(attemptsAt(body, sending), ROUNDS)).toBeNull();
  }, 120_000);
});
