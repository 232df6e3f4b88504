import { afterAll, beforeAll, expect, it } from 'vitest';
import { forgetExpired } from '../../src/flows/housekeeping.ts';
import {
  countRows,
  enrolTotp,
  isSignedIn,
  logIn,
  PASSWORD,
  refresh,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const DAY = 86_400;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { RATE_LIMIT: 'on' } });
});
afterAll(() => app.close());

it('keeps everything that still says something', async () => {
  const [user, waiting] = [await registerUser(app), await registerUser(app)];
  await enrolTotp(app, user);
  await logIn(app, { identifier: user.email });
  await app.gql(
    `mutation { enableTotp(input: { currentPassword: "${PASSWORD}" }) { __typename } }`,
    {},
    { token: waiting.accessToken },
  );
  await logIn(app, { identifier: 'nobody', password: 'wrong' });
  const before = await countRows(app);
  for (const table of [
    'attempt_counters',
    'rate_limit_hits',
    'login_challenges',
    'totp_enrolments',
    'email_tokens',
    'sessions',
  ]) {
    expect(before[table], table).toBeGreaterThan(0);
  }
  await forgetExpired(app.app.deps);
  expect(await countRows(app)).toEqual(before);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

it('forgets challenges, enrolments, links, counters and windows that are over, and nothing of the accounts', async () => {
  const before = await countRows(app);
  app.clock.advance(DAY);
  expect(await forgetExpired(app.app.deps)).toBeGreaterThan(4);
  expect(await countRows(app)).toEqual({
    ...before,
    attempt_counters: 0,
    rate_limit_hits: 0,
    login_challenges: 0,
    totp_enrolments: 0,
    email_tokens: 0,
  });
});

it('forgets sessions a month after they ended, so that reuse is still noticed until then', async () => {
  const user = await registerUser(app);
  app.clock.advance(30 * DAY);
  await forgetExpired(app.app.deps);
  expect((await countRows(app)).sessions).toBeGreaterThan(0);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  app.clock.advance(2 * DAY);
  await forgetExpired(app.app.deps);
  expect((await countRows(app)).sessions).toBe(0);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
});
