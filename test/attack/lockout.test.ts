import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  enrolTotp,
  logIn,
  newName,
  nextTotpCode,
  registerUser,
  totpCode,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const BUDGET = 5;
const WINDOW = 15 * 60;
const DAY = 24 * 60 * 60;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

let lastAddress = 0;
const newAddress = () => `10.9.${(++lastAddress >> 8) & 255}.${lastAddress & 255}`;

/** Tries wrong passwords. @returns how many of them were checked */
async function guess(identifier: string, tries: number): Promise<number> {
  const before = app.hashes();
  for (let i = 0; i < tries; i++) {
    await logIn(app, { identifier, password: `guess ${i}` }, newAddress());
  }
  return app.hashes() - before;
}

describe('B1: in 24 hours of guessing', () => {
  it('the owner on a known device is never stopped, and the attacker never gets more than the budget', async () => {
    const owner = await registerUser(app);
    let { deviceToken } = owner;
    let guesses = 0;
    for (let seconds = 0; seconds < DAY; seconds += WINDOW) {
      // all at once as soon as the last lock is over, and again while it lasts
      guesses += await guess(owner.email, BUDGET + 1);
      const answer = await logIn(app, { identifier: owner.email, deviceToken });
      expect(answer.__typename, `after ${seconds} seconds`).toBe('LoginSuccess');
      deviceToken = answer.tokens.deviceToken;
      app.clock.advance(WINDOW);
    }
    // all of it, so that it was an attack, and no more
    expect(guesses).toBe((DAY / WINDOW) * BUDGET);
  }, 120_000);

  it('staying below the lock gains nothing', async () => {
    const owner = await registerUser(app);
    let guesses = 0;
    for (let seconds = 0; seconds < 2 * 60 * 60; seconds += 60) {
      // one try less than would lock, as soon as a failure is forgotten
      if (seconds % (WINDOW + 60) === 0) guesses += await guess(owner.email, BUDGET - 1);
      app.clock.advance(60);
    }
    expect(guesses).toBeLessThanOrEqual(((2 * 60 * 60) / WINDOW) * BUDGET);
    const answer = await logIn(app, { identifier: owner.email });
    expect(answer.__typename).toBe('LoginSuccess');
  });

  it("another account's owner notices nothing", async () => {
    const [victim, neighbour] = [await registerUser(app), await registerUser(app)];
    await guess(victim.email, 20);
    await guess(victim.username, 20);
    expect((await logIn(app, { identifier: neighbour.email })).__typename).toBe('LoginSuccess');
    expect((await logIn(app, { identifier: neighbour.username })).__typename).toBe('LoginSuccess');
  });
});

it('B1: a hundred guesses at the same moment do not hold up the owner on a known device', async () => {
  const owner = await registerUser(app);
  const flood = Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      logIn(app, { identifier: owner.email, password: `guess ${i}` }, newAddress()),
    ),
  );
  const { email: identifier, deviceToken } = owner;
  const answers = await Promise.all([1, 2, 3].map(() => logIn(app, { identifier, deviceToken })));
  expect(answers.map(({ __typename }) => __typename)).toEqual(Array(3).fill('LoginSuccess'));
  await flood;
});

it('B1: a signed-in owner is not stopped by guesses at the door', async () => {
  const owner = await registerUser(app);
  await guess(owner.email, 8);
  const query = `mutation { updateProfile(input: { newPassword: "another four words", currentPassword: "${owner.password}" }) { __typename } }`;
  const { data } = await app.gql(query, {}, { token: owner.accessToken });
  expect(data.updateProfile.__typename).toBe('UpdateProfileSuccess');
});

it('passwords and codes lock apart: wrong passwords leave a sign-in under way alone', async () => {
  const owner = await registerUser(app);
  const { secret } = await enrolTotp(app, owner);
  const { challenge } = await logIn(app, { identifier: owner.email });
  await guess(owner.email, 8);
  const code = nextTotpCode(app, secret);
  const query = `mutation { completeLogin(input: { challenge: "${challenge}", code: "${code}" }) { __typename } }`;
  expect((await app.gql(query)).data.completeLogin.__typename).toBe('LoginSuccess');
});

it('passwords and codes lock apart: wrong codes leave the password alone', async () => {
  const owner = await registerUser(app);
  const { secret } = await enrolTotp(app, owner);
  for (let i = 0; i < 6; i++) {
    await logIn(app, { identifier: owner.email, code: wrongTotpCode(app, secret) });
  }
  expect((await logIn(app, { identifier: owner.email })).__typename).toBe('MfaRequired');
});

// Who knows the password, as a thief of a list of passwords does, must not be able to shut out for ever the owner whom the
// second factor protects.
it('B1: who has the password but no code does not lock the owner out of a known device', async () => {
  const owner = await registerUser(app);
  const { secret } = await enrolTotp(app, owner);
  const { email: identifier, deviceToken } = owner;
  for (let i = 0; i < 6; i++) {
    await logIn(app, { identifier, code: wrongTotpCode(app, secret) }, newAddress());
  }
  const code = nextTotpCode(app, secret);
  const answer = await logIn(app, { identifier, deviceToken, code });
  expect(answer.__typename).toBe('LoginSuccess');
});

it('devices that somebody made known while they had the password gain few codes, and no passwords after it', async () => {
  const owner = await registerUser(app);
  const { email: identifier } = owner;
  const farmed: string[] = [];
  for (let i = 0; i < 8; i++) {
    farmed.push((await logIn(app, { identifier }, newAddress())).tokens.deviceToken);
  }
  const { secret } = await enrolTotp(app, owner);
  let checked = 0;
  for (const deviceToken of farmed) {
    for (let i = 0; i < BUDGET + 1; i++) {
      const code = wrongTotpCode(app, secret);
      const answer = await logIn(app, { identifier, deviceToken, code }, newAddress());
      if (answer.__typename === 'InvalidCode') checked++;
    }
  }
  expect(checked).toBe(5 * BUDGET);

  app.clock.advance(1);
  const password = 'another long password';
  const change = `mutation { updateProfile(input: { currentPassword: "${owner.password}", newPassword: "${password}" }) {
    ... on UpdateProfileSuccess { tokens { deviceToken } }
  } }`;
  const { data } = await app.gql(change, {}, { token: owner.accessToken });
  const before = app.hashes();
  for (const deviceToken of farmed) {
    await logIn(app, { identifier, password: 'guessed at', deviceToken }, newAddress());
  }
  expect(app.hashes() - before).toBe(BUDGET);
  // the device on which it was changed is the one that is known
  const { deviceToken } = data.updateProfile.tokens;
  const known = await logIn(app, { identifier, password, deviceToken });
  expect(known.__typename).toBe('MfaRequired');
});

it('an unknown identifier locks and unlocks as a known one does, to the second', async () => {
  const known = (await registerUser(app)).email;
  const unknown = `${newName()}@example.com`;
  const course = async (identifier: string) => {
    const answers: unknown[] = [];
    for (let i = 0; i < 7; i++) {
      answers.push(await logIn(app, { identifier, password: `guess ${i}` }, '10.8.0.1'));
    }
    return answers;
  };
  for (const seconds of [0, 1, 450.3, 448.7, 1]) {
    app.clock.advance(seconds);
    expect(await course(unknown), `${seconds}`).toEqual(await course(known));
  }
});

it('a lock says how long it lasts, and lasts no longer', async () => {
  const { email: identifier } = await registerUser(app);
  await guess(identifier, BUDGET);
  for (const [passed, left] of [
    [0, 900],
    [0.001, 900],
    [599.999, 300],
    [299, 1],
  ] as const) {
    app.clock.advance(passed);
    expect(await logIn(app, { identifier })).toMatchObject({ retryAfter: left });
  }
  app.clock.advance(1);
  expect((await logIn(app, { identifier })).__typename).toBe('LoginSuccess');
});

it('guesses while it is locked do not prolong a lock', async () => {
  const { email: identifier } = await registerUser(app);
  await guess(identifier, BUDGET);
  for (let minute = 0; minute < 15; minute++) {
    expect(await guess(identifier, 3)).toBe(0);
    app.clock.advance(60);
  }
  expect((await logIn(app, { identifier })).__typename).toBe('LoginSuccess');
});

it('a lock survives a restart', async () => {
  const { email: identifier } = await registerUser(app);
  await guess(identifier, BUDGET);
  const restarted = await createTestApp({ databaseUrl: app.databaseUrl, clock: app.clock });
  try {
    expect((await logIn(restarted, { identifier })).code).toBe('ACCOUNT_LOCKED');
    expect(restarted.hashes()).toBe(0);
  } finally {
    await restarted.close();
  }
});

it('the right password of a locked account costs no hash, so that nothing tells it apart', async () => {
  const owner = await registerUser(app);
  const { secret } = await enrolTotp(app, owner);
  await guess(owner.email, BUDGET);
  const before = app.hashes();
  const right = { identifier: owner.email, code: totpCode(secret, app.clock.now()) };
  expect(await logIn(app, right)).toEqual(await logIn(app, { ...right, password: 'wrong' }));
  expect(app.hashes()).toBe(before);
});
