import { afterAll, beforeAll, expect, it } from 'vitest';
import { logIn, newName, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

// A username is changed without the password. Whoever stole an access token must not get five more guesses at the password by
// each name that they give the account.

const BUDGET = 5;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { ACCESS_TOKEN_TTL: '86400' } });
});
afterAll(() => app.close());

async function rename({ accessToken: token }: TestUser, username: string | null): Promise<void> {
  const { data } = await app.gql(
    'mutation ($username: String) { updateProfile(input: { username: $username }) { __typename } }',
    { username },
    { token },
  );
  expect(data.updateProfile.__typename).toBe('UpdateProfileSuccess');
}

/** How many of some guesses at the password are looked at, by whatever name the account has at the time. */
async function looked(user: TestUser, namesOf: (round: number) => (string | null)[]) {
  const before = app.hashes();
  for (let round = 0; round < 4; round++) {
    let username = user.username;
    for (const name of namesOf(round)) {
      await rename(user, name);
      if (name !== null) username = name;
    }
    for (let i = 0; i < BUDGET; i++) {
      await logIn(app, { identifier: username, password: `guess ${round} ${i}` });
    }
  }
  return app.hashes() - before;
}

it('another name for each five guesses gains none', async () => {
  const user = await registerUser(app);
  expect(await looked(user, () => [newName()])).toBe(BUDGET);
});

it('nor does the name taken away in between', async () => {
  const user = await registerUser(app);
  expect(await looked(user, () => [null, newName()])).toBe(BUDGET);
});

it('nor do two names in turn, nor one name spelled in other ways', async () => {
  const names = [newName(), newName()];
  const user = await registerUser(app);
  const inTurn = (round: number) => [names[round % 2] as string];
  expect(await looked(user, inTurn)).toBe(BUDGET);
  const other = await registerUser(app);
  const spelled = (round: number) => [
    [...other.username].map((c, at) => (at === round ? c.toUpperCase() : c)).join(''),
  ];
  expect(await looked(other, spelled)).toBe(BUDGET);
});

it('what was guessed at a name before somebody took it is not counted against them', async () => {
  const user = await registerUser(app);
  const name = newName();
  for (let i = 0; i <= BUDGET; i++) await logIn(app, { identifier: name, password: 'guess' });
  expect((await logIn(app, { identifier: name })).code).toBe('ACCOUNT_LOCKED');
  await rename(user, name);
  expect((await logIn(app, { identifier: name })).__typename).toBe('LoginSuccess');
});

it('a name that is given up says nothing of the account that had it', async () => {
  const user = await registerUser(app);
  for (let i = 0; i <= BUDGET; i++) {
    await logIn(app, { identifier: user.username, password: 'guess' });
  }
  const name = newName();
  await rename(user, name);
  expect((await logIn(app, { identifier: name })).code).toBe('ACCOUNT_LOCKED');
  expect((await logIn(app, { identifier: user.username })).code).toBe('INVALID_CREDENTIALS');
});
