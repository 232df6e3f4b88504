import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  isSignedIn,
  logIn,
  nextTotpCode,
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createTestClock } from '../support/clock.ts';
import { dropDatabase, newDatabaseUrl } from '../support/database.ts';

const OLD = 'the-old-secret-0f5b6c2e9a7d4831bb60c1d2e3f4a596';
const NEW = 'the-new-secret-596a4f3e2d1c06bb1384d7a9e2c6b5f0';
/** Signing keys are renewed daily, so that the service can soon do without the secret of the first of them. */
const ENV = { SIGNING_KEY_ROTATION_DAYS: '1' };
const HOUR = 60 * 60;

interface Belongings {
  user: TestUser;
  secret: string;
  recoveryCodes: string[];
  challenge: string;
}

describe('rotating AUTH_SECRET', () => {
  const databaseUrl = newDatabaseUrl();
  const clock = createTestClock();
  let app: TestApp;
  /** What people had before the secret was changed, by what is tried with it. */
  let given: Record<'both' | 'swapped' | 'carriedOver' | 'newAlone', Belongings>;

  const start = (secrets: string) =>
    createTestApp({ databaseUrl, clock, env: { ...ENV, AUTH_SECRET: secrets } });

  async function restart(secrets: string): Promise<void> {
    await app.close();
    app = await start(secrets);
  }

  async function newBelongings(): Promise<Belongings> {
    const user = await registerUser(app, { remember: true });
    const { secret, recoveryCodes } = await enrolTotp(app, user);
    const { challenge } = await logIn(app, { identifier: user.email });
    return { user, secret, recoveryCodes, challenge };
  }

  beforeAll(async () => {
    app = await start(OLD);
    given = {
      both: await newBelongings(),
      swapped: await newBelongings(),
      carriedOver: await newBelongings(),
      newAlone: await newBelongings(),
    };
  });
  afterAll(async () => {
    await app.close();
    await dropDatabase(databaseUrl);
  });

  /** Uses everything that somebody has. @returns what worked */
  async function use({ user, secret, recoveryCodes, challenge }: Belongings) {
    const outcome = async (attempt: Promise<{ __typename?: string }>) =>
      (await attempt).__typename ?? 'error';
    const identifier = user.email;
    for (let n = 0; n < 5; n++) await logIn(app, { identifier, password: 'wrong words in a row' });
    const { deviceToken } = user;
    const withDevice = await outcome(logIn(app, { identifier, deviceToken }));
    clock.advance(16 * 60);
    const [first = '', second = ''] = recoveryCodes;
    return {
      'access token': await isSignedIn(app, user.accessToken),
      'device token': withDevice,
      'refresh token': await outcome(refresh(app, user.refreshToken)),
      'TOTP code': await outcome(logIn(app, { identifier, code: nextTotpCode(app, secret) })),
      'recovery code': await outcome(logIn(app, { identifier, code: first })),
      challenge: await outcome(completeLogin(app, challenge, second)),
    };
  }

  const ALL_WORKS = {
    // of all that is old only this has expired by now
    'access token': false,
    'device token': 'MfaRequired',
    'refresh token': 'RefreshSuccess',
    'TOTP code': 'LoginSuccess',
    'recovery code': 'LoginSuccess',
    challenge: 'InvalidChallenge',
  };

  it('keeps all that was made before, with the new secret first and the old one second', async () => {
    await restart(`${NEW},${OLD}`);
    const { user, challenge, recoveryCodes } = given.both;
    // these live for minutes only, so they come first
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    const completed = await completeLogin(app, challenge, recoveryCodes[2] ?? '');
    expect(completed.__typename).toBe('LoginSuccess');
    expect(await use(given.both)).toEqual(ALL_WORKS);
  });

  it('keeps all that was made before, with the new secret second: to tell all instances of it first', async () => {
    await restart(`${OLD},${NEW}`);
    expect(await use(given.swapped)).toEqual(ALL_WORKS);
  });

  it('makes new things under the new secret, on a service that goes on with it alone', async () => {
    await restart(`${NEW},${OLD}`);
    const renewed = await newBelongings();
    // whoever refreshes is over to the new secret
    const carriedOver = await refresh(app, given.carriedOver.user.refreshToken);
    // so are the signing keys, once the last tokens of those before have expired
    for (let hours = 0; hours < 50; hours += 10) {
      clock.advance(10 * HOUR);
      await restart(`${NEW},${OLD}`);
    }
    await restart(NEW);
    expect(await use(renewed)).toEqual(ALL_WORKS);
    const next = await refresh(app, carriedOver.tokens.refreshToken);
    expect(next.__typename).toBe('RefreshSuccess');
  });

  it('ends what was made under the old one when that is taken away, and breaks nothing else', async () => {
    const { user, secret, recoveryCodes } = given.newAlone;
    const identifier = user.email;
    expect((await refresh(app, user.refreshToken)).__typename).toBe('InvalidRefreshToken');
    expect(await isSignedIn(app, user.accessToken)).toBe(false);
    // the password is no secret of the service's, so that it still is right; the second factor fails closed
    const { deviceToken } = user;
    const half = await logIn(app, { identifier, deviceToken });
    expect(half.__typename).toBe('MfaRequired');
    for (const code of [nextTotpCode(app, secret), recoveryCodes[0] ?? '', '000000']) {
      for (const answer of [
        await logIn(app, { identifier, code }),
        await completeLogin(app, half.challenge, code),
      ]) {
        expect(answer.__typename).not.toBe('LoginSuccess');
        expect(JSON.stringify(answer)).not.toMatch(/AUTH_SECRET|decrypt|key/i);
      }
    }
    // a stranger's device token locks with everybody else's
    for (let n = 0; n < 5; n++) await logIn(app, { identifier, password: 'wrong words in a row' });
    expect((await logIn(app, { identifier, deviceToken })).__typename).toBe('AccountLocked');
    const newcomer = await registerUser(app);
    expect(await isSignedIn(app, newcomer.accessToken)).toBe(true);
  });

  it('does not let the service start while a signing key in force is under a secret it does not have', async () => {
    const elsewhere = newDatabaseUrl();
    const first = await createTestApp({ databaseUrl: elsewhere, env: { AUTH_SECRET: OLD } });
    await first.close();
    const second = createTestApp({ databaseUrl: elsewhere, env: { AUTH_SECRET: NEW } });
    await expect(second).rejects.toThrow(/AUTH_SECRET/);
    await dropDatabase(elsewhere);
  });
});
