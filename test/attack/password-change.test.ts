import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  INPUT_FAILURE,
  isSignedIn,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerUser,
  TOKENS,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createHeldApp } from '../support/held-app.ts';
import { changingNothing } from './support/rows.ts';

const NEW_PASSWORD = 'five words in a row now';

const UPDATE_PROFILE = `mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    __typename ... on UpdateProfileSuccess { ${TOKENS} } ${INPUT_FAILURE}
  }
}`;

/** Every choice of some of the arguments that a change of password may come with. */
function argumentChoices(): Record<string, unknown>[] {
  const optional = ['username', 'displayName', 'phrase', 'newEmail'] as const;
  return Array.from({ length: 2 ** optional.length }, (_, bits) =>
    Object.fromEntries(
      optional
        .filter((_name, bit) => bits & (1 << bit))
        .map((name) => [name, name === 'newEmail' ? `${newName()}@example.com` : newName()]),
    ),
  );
}

describe('S2: staying signed in across a change of password', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
  });
  afterAll(() => app.close());

  const updateProfile = async (token: string, input: Record<string, unknown>) =>
    (await app.gql(UPDATE_PROFILE, { input }, { token })).data.updateProfile;

  const choices = [
    ...argumentChoices(),
    { username: null, displayName: null, phrase: null },
    { username: null, newEmail: null },
  ];

  it.each(choices.map((choice) => [Object.keys(choice).join(', ') || 'nothing', choice] as const))(
    'is impossible for other devices when it comes with %s',
    async (_names, choice) => {
      const user = await registerUser(app);
      const thief = (await logIn(app, { identifier: user.email })).tokens;
      const remembered = (await logIn(app, { identifier: user.email, remember: true })).tokens;
      const rotated = (await refresh(app, remembered.refreshToken)).tokens;
      expect(await isSignedIn(app, thief.accessToken)).toBe(true);

      const change = { ...choice, newPassword: NEW_PASSWORD, currentPassword: PASSWORD };
      const changed = await updateProfile(user.accessToken, change);
      expect(changed.__typename).toBe('UpdateProfileSuccess');
      for (const tokens of [thief, remembered, rotated]) {
        expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
        expect(await refresh(app, tokens.refreshToken)).toMatchObject({
          code: 'INVALID_REFRESH_TOKEN',
        });
      }
      // whoever changed it goes on, and the old password opens nothing
      expect(await isSignedIn(app, changed.tokens.accessToken)).toBe(true);
      expect((await refresh(app, changed.tokens.refreshToken)).__typename).toBe('RefreshSuccess');
      const identifier = user.email;
      expect(await logIn(app, { identifier })).toMatchObject({ code: 'INVALID_CREDENTIALS' });
      const again = await logIn(app, { identifier, password: NEW_PASSWORD });
      expect(again.__typename).toBe('LoginSuccess');
    },
  );

  it('ends nothing when the change is refused', async () => {
    const user = await registerUser(app);
    const laptop = (await logIn(app, { identifier: user.email })).tokens;
    const taken = await registerUser(app);
    const refused: Record<string, unknown>[] = [
      { newPassword: NEW_PASSWORD },
      { newPassword: NEW_PASSWORD, currentPassword: '' },
      { newPassword: NEW_PASSWORD, currentPassword: null },
      { newPassword: NEW_PASSWORD, currentPassword: 'wrong words in a row' },
      { newPassword: 'short', currentPassword: PASSWORD },
      { newPassword: '', currentPassword: PASSWORD },
      { newPassword: user.email, currentPassword: PASSWORD },
      { newPassword: NEW_PASSWORD, currentPassword: PASSWORD, username: taken.username },
      { newPassword: NEW_PASSWORD, currentPassword: PASSWORD, newEmail: taken.email },
    ];
    for (const input of refused) {
      const answer = await updateProfile(user.accessToken, input);
      expect(answer.__typename, JSON.stringify(input)).not.toBe('UpdateProfileSuccess');
      expect(await isSignedIn(app, laptop.accessToken)).toBe(true);
    }
    expect((await refresh(app, laptop.refreshToken)).__typename).toBe('RefreshSuccess');
    expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  });

  it('ends nothing when there is no new password, and needs no password for a name', async () => {
    const user = await registerUser(app);
    const laptop = (await logIn(app, { identifier: user.email })).tokens;
    for (const input of [
      { displayName: 'Ada' },
      { newPassword: null, phrase: 'rye bread' },
      { newEmail: `${newName()}@example.com`, currentPassword: PASSWORD },
    ]) {
      const answer = await updateProfile(user.accessToken, input);
      expect(answer).toMatchObject({ __typename: 'UpdateProfileSuccess', tokens: null });
    }
    expect(await isSignedIn(app, laptop.accessToken)).toBe(true);
    expect((await refresh(app, laptop.refreshToken)).__typename).toBe('RefreshSuccess');
  });

  it('ends a sign-in that had come as far as the code', async () => {
    const user = await registerUser(app);
    const { secret, recoveryCodes } = await enrolTotp(app, user);
    const { challenge } = await logIn(app, { identifier: user.email });
    const change = { newPassword: NEW_PASSWORD, currentPassword: PASSWORD };
    expect((await updateProfile(user.accessToken, change)).__typename).toBe('UpdateProfileSuccess');
    await changingNothing(app, async () => {
      for (const code of [nextTotpCode(app, secret), recoveryCodes[0] ?? '']) {
        expect(await completeLogin(app, challenge, code)).toMatchObject({
          code: 'INVALID_CHALLENGE',
        });
      }
    });
  });
});

describe('S2: what happens while the password is being changed', () => {
  it('a sign-in whose old password was checked just before opens no session', async () => {
    const { app, whileVerifying } = await createHeldApp();
    const user = await registerUser(app);
    whileVerifying(() => changePassword(app, user.accessToken));
    expect(await logIn(app, { identifier: user.email })).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
    await app.close();
  });

  it('a sign-in whose old password was checked just before is not completed by a code', async () => {
    const { app, whileVerifying } = await createHeldApp();
    const user = await registerUser(app);
    const { secret } = await enrolTotp(app, user);
    whileVerifying(() => changePassword(app, user.accessToken));
    const half = await logIn(app, { identifier: user.email });
    const whole = await completeLogin(app, half.challenge ?? '', nextTotpCode(app, secret));
    await app.close();
    expect(whole.__typename).not.toBe('LoginSuccess');
  });

  it('a refresh by another tab does not make theft of the refresh token that is handed out', async () => {
    const { app, whileVerifying } = await createHeldApp();
    const user = await registerUser(app);
    whileVerifying(async () => {
      expect((await refresh(app, user.refreshToken)).__typename).toBe('RefreshSuccess');
    });
    const { tokens } = await changePassword(app, user.accessToken);
    app.clock.advance(60);
    const next = await refresh(app, tokens.refreshToken);
    await app.close();
    expect(next.__typename).toBe('RefreshSuccess');
  });

  it('a refresh by another tab right after does not make theft of it either', async () => {
    const { app } = await createHeldApp();
    const user = await registerUser(app);
    const { accessTokens } = app.app.deps;
    const sign = accessTokens.sign.bind(accessTokens);
    // the change is committed, and its answer not yet on the way
    vi.spyOn(accessTokens, 'sign').mockImplementationOnce(async (...args) => {
      expect((await refresh(app, user.refreshToken)).__typename).toBe('RefreshSuccess');
      return sign(...args);
    });
    const { tokens } = await changePassword(app, user.accessToken);
    app.clock.advance(60);
    const next = await refresh(app, tokens.refreshToken);
    await app.close();
    expect(next.__typename).toBe('RefreshSuccess');
  });

  async function changePassword(app: TestApp, token: string) {
    const input = { newPassword: NEW_PASSWORD, currentPassword: PASSWORD };
    const { data } = await app.gql(UPDATE_PROFILE, { input }, { token });
    expect(data.updateProfile.__typename).toBe('UpdateProfileSuccess');
    return data.updateProfile;
  }
});
