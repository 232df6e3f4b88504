import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createHousekeeping, forgetExpiredByKind } from '../../src/flows/housekeeping.ts';
import {
  countRows,
  enrolTotp,
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  refresh,
  registerUser,
  storedValues,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { kindsTo, tokenTo, verifyEmail } from '../support/mailbox.ts';
import { mailEnv, storedMails, writeMail } from '../support/outbox.ts';

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
  await forgetExpiredByKind(app.app.deps);
  expect(await countRows(app)).toEqual(before);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

it('forgets challenges, enrolments, links, counters and windows that are over, and nothing of the accounts', async () => {
  const before = await countRows(app);
  app.clock.advance(8 * DAY);
  const forgotten = await forgetExpiredByKind(app.app.deps);
  const kinds = ['attemptCounters', 'rateLimitHits', 'loginChallenges', 'totpEnrolments'];
  for (const kind of kinds) expect(forgotten[kind], kind).toBeGreaterThan(0);
  expect(await countRows(app)).toEqual({
    ...before,
    attempt_counters: 0,
    rate_limit_hits: 0,
    login_challenges: 0,
    totp_enrolments: 0,
    email_tokens: 0,
  });
});

it('forgets sessions a month after they expired, and refuses their tokens before and after', async () => {
  const user = await registerUser(app);
  app.clock.advance(30 * DAY);
  await forgetExpiredByKind(app.app.deps);
  expect((await countRows(app)).sessions).toBeGreaterThan(0);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  app.clock.advance(2 * DAY);
  await forgetExpiredByKind(app.app.deps);
  expect((await countRows(app)).sessions).toBe(0);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
});

it('forgets sessions a month after they ended, however long they could still have lived', async () => {
  const { email } = await registerUser(app);
  const ended = await logIn(app, { identifier: email, remember: true });
  const token = ended.tokens.accessToken;
  await app.gql('mutation { logout { endedSessions } }', {}, { token });
  const live = await logIn(app, { identifier: email, remember: true });
  const endedRows = () =>
    runSql(app.databaseUrl, 'select id from sessions where ended_at is not null');
  app.clock.advance(30 * DAY - 1);
  expect((await refresh(app, live.tokens.refreshToken)).__typename).toBe('RefreshSuccess');
  await forgetExpiredByKind(app.app.deps);
  expect(await endedRows()).toHaveLength(1);
  expect((await refresh(app, ended.tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  app.clock.advance(1);
  // the one that was registered with has expired, not quite a month ago
  expect(await forgetExpiredByKind(app.app.deps)).toMatchObject({ sessions: 1 });
  expect(await endedRows()).toEqual([]);
  expect((await refresh(app, ended.tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
});

it('forgets mails a month after they were sent or given up, and never those that wait', async () => {
  const { databaseUrl, clock } = app;
  const own = await createTestApp({ databaseUrl, clock, env: mailEnv(9) });
  await runSql(databaseUrl, 'delete from outbox');
  for (let i = 0; i < 3; i++) await writeMail(own, { kind: 'password-changed' });
  const [sent, failed] = await storedMails(own);
  const finish = 'update outbox set state = ?, finished_at = due_at where id = ?';
  await runSql(databaseUrl, finish, ['SENT', sent?.id ?? null]);
  await runSql(databaseUrl, finish, ['FAILED', failed?.id ?? null]);
  clock.advance(29 * DAY);
  await forgetExpiredByKind(own.app.deps);
  expect(await storedMails(own)).toHaveLength(3);
  clock.advance(2 * DAY);
  await forgetExpiredByKind(own.app.deps);
  expect((await storedMails(own)).map(({ state }) => state)).toEqual(['PENDING']);
  await own.close();
});

describe('of several instances', () => {
  const others: TestApp[] = [];
  const instance = async (name: string) => {
    const { databaseUrl, clock } = app;
    const other = await createTestApp({ databaseUrl, clock });
    others.push(other);
    return createHousekeeping(other.app.deps, name);
  };
  afterEach(async () => {
    // whoever has the turn loses it
    app.clock.advance(DAY);
    for (const other of others.splice(0)) await other.close();
  });

  it('exactly one forgets what has expired, however many ask at the same moment', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, (_, n) => instance(`one-of-${n}`)));
    for (let round = 0; round < 3; round++) {
      const user = await registerUser(app);
      app.clock.advance(60 * DAY);
      const forgotten = await Promise.all(all.map((housekeeping) => housekeeping.run()));
      expect(forgotten.filter((rows) => rows !== null)).toHaveLength(1);
      expect(all.filter((housekeeping) => housekeeping.isOurs())).toHaveLength(1);
      expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
    }
  });

  it('one does while it lives, and another as soon as it has not been heard of for three minutes', async () => {
    const [first, second] = [await instance('first'), await instance('second')];
    for (let minute = 0; minute < 10; minute++) {
      expect(await first.run()).not.toBeNull();
      expect(await second.run()).toBeNull();
      app.clock.advance(60);
    }
    // the first one dies; nothing is told to anybody
    expect(await second.run()).toBeNull();
    app.clock.advance(119);
    expect(await second.run()).toBeNull();
    app.clock.advance(1);
    expect(await second.run()).not.toBeNull();
    // it was not dead after all
    expect(await first.run()).toBeNull();
    expect([first.isOurs(), second.isOurs()]).toEqual([false, true]);
    expect(await first.finishedAt()).toEqual(new Date(app.clock.now()));
  });

  it('one that ends in an orderly way is followed at once, and gives up nobody else’s turn', async () => {
    const [first, second] = [await instance('leaves'), await instance('follows')];
    expect(await first.run()).not.toBeNull();
    await second.close();
    expect(await first.run()).not.toBeNull();
    const third = await instance('follows again');
    expect(await third.run()).toBeNull();
    await first.close();
    expect(await third.run()).not.toBeNull();
    expect(await first.run()).toBeNull();
  });

  it('ends after its batch when the service does, whatever is left to forget', async () => {
    const { databaseUrl, clock } = app;
    const housekeeping = await instance('interrupted');
    const before = await housekeeping.finishedAt();
    await expiredHits(databaseUrl, clock.now(), 20_000);
    const running = housekeeping.run();
    await vi.waitUntil(async () => ((await countRows(app)).rate_limit_hits ?? 0) < 20_000);
    await housekeeping.close();
    expect(await running).toBeLessThan(19_000);
    // what was cut short is not what came to its end
    expect(await housekeeping.finishedAt()).toEqual(before);
    const next = await instance('goes on');
    expect(await next.run()).toBeGreaterThan(1000);
    expect(await next.finishedAt()).toEqual(app.clock.now());
    expect((await countRows(app)).rate_limit_hits).toBe(0);
  });

  it('what cannot be forgotten keeps nothing else, and is reported', async () => {
    const housekeeping = await instance('half broken');
    await registerUser(app);
    app.clock.advance(60 * DAY);
    await runSql(app.databaseUrl, 'rename table login_challenges to moved_away');
    await expect(housekeeping.run()).rejects.toThrow();
    await runSql(app.databaseUrl, 'rename table moved_away to login_challenges');
    expect((await countRows(app)).sessions).toBe(0);
  });
});

/** Windows of so many addresses that are over. */
async function expiredHits(databaseUrl: string, now: Date, count: number): Promise<void> {
  const digits = 'select 0 d union select 1 union select 2 union select 3 union select 4';
  const tables = Array.from({ length: 7 }, (_, n) => `(${digits}) d${n}`).join(', ');
  await runSql(
    databaseUrl,
    `insert into rate_limit_hits select random_bytes(16), 1, ? - interval 1 second from ${tables} limit ${count}`,
    [now],
  );
}

describe('a registration that nobody confirms', () => {
  const TTL = DAY;
  const KEPT = 7 * DAY;
  let verifying: TestApp;
  beforeAll(async () => {
    const { databaseUrl, clock } = app;
    verifying = await createTestApp({
      databaseUrl,
      clock,
      env: { REGISTRATION: 'verify', EMAIL_VERIFICATION_TTL: String(TTL) },
    });
  });
  afterAll(() => verifying.close());

  const forget = () => forgetExpiredByKind(verifying.app.deps);
  const register = async (email: string) =>
    verifying.gql('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
      input: { email, password: PASSWORD },
    });
  const isWaiting = async (email: string) => {
    const query = 'select email from pending_registrations where email = ?';
    return (await runSql(app.databaseUrl, query, [email])).length > 0;
  };

  it('is forgotten a week after its link has run out, and nobody is told', async () => {
    const email = `${newName()}@example.com`;
    await register(email);
    verifying.clock.advance(TTL + KEPT - 1);
    expect(await forget()).toMatchObject({ registrations: 0 });
    expect(await isWaiting(email)).toBe(true);
    verifying.clock.advance(1);
    expect(await forget()).toMatchObject({ registrations: 1 });
    for (const { place, bytes } of await storedValues(verifying)) {
      expect(bytes.includes(email), place).toBe(false);
    }
    expect(await kindsTo(verifying, email)).toEqual(['verify-email']);
  });

  it('is spared while it was renewed or sent another link since, and then goes with that', async () => {
    const email = (prefix: string) => `${newName(prefix)}@example.com`;
    const [renewed, reminded] = [email('renewed'), email('reminded')];
    for (const email of [renewed, reminded]) await register(email);
    verifying.clock.advance(6 * DAY);
    await register(renewed);
    expect((await logIn(verifying, { identifier: reminded })).code).toBe('EMAIL_NOT_VERIFIED');
    await verifying.app.deps.afterwards.idle();
    verifying.clock.advance(TTL + KEPT - DAY);
    expect(await forget()).toMatchObject({ registrations: 0 });
    verifying.clock.advance(DAY);
    expect(await forget()).toMatchObject({ registrations: 2 });
    expect(await isWaiting(renewed)).toBe(false);
    expect(await isWaiting(reminded)).toBe(false);
  });

  it('and only such: accounts stay, confirmed or not', async () => {
    const confirmed = `${newName()}@example.com`;
    await register(confirmed);
    await verifyEmail(verifying, await tokenTo(verifying, confirmed, 'verify-email'));
    const letIn = await registerUser(app);
    verifying.clock.advance(TTL + KEPT + DAY);
    const { users } = await countRows(app);
    expect(await forget()).toMatchObject({ registrations: 0 });
    expect((await countRows(app)).users).toBe(users);
    expect((await logIn(verifying, { identifier: confirmed })).__typename).toBe('LoginSuccess');
    expect((await logIn(app, { identifier: letIn.email })).__typename).toBe('LoginSuccess');
  });

  it('is either renewed or forgotten when both happen at the same moment, and never half', async () => {
    for (let round = 0; round < 8; round++) {
      const email = `${newName()}@example.com`;
      await register(email);
      verifying.clock.advance(TTL + KEPT);
      const [again] = await Promise.all([register(email), forget(), forget()]);
      expect(again.data.register.__typename).toBe('VerificationSent');
      // who was told that a link is on its way finds it good
      const token = await tokenTo(verifying, email, 'verify-email');
      expect((await verifyEmail(verifying, token)).__typename).toBe('VerifyEmailSuccess');
      expect((await logIn(verifying, { identifier: email })).__typename).toBe('LoginSuccess');
    }
  });
});
