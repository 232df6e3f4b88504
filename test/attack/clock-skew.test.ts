import os from 'node:os';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { createClock } from '../../src/db/clock.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import {
  idBytes,
  isSignedIn,
  logIn,
  refresh,
  registerUser,
  type TestUser,
  totpCode,
} from '../support/account.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { type Child, startChild } from '../support/child.ts';
import { runSql } from '../support/database.ts';
import { tokenTo, verifyEmail } from '../support/mailbox.ts';

const WRONG_BY = [120, -120];
const RESET_LIMIT = 6;
const ENV = {
  RATE_LIMIT: 'on',
  RATE_LIMITS: `requestPasswordReset.account=${RESET_LIMIT}/15`,
};

/** An instance in another process, reached by its port. */
async function startShifted(databaseUrl: string, seconds: number) {
  const child = startChild('../attack/support/shifted-instance.ts', [
    databaseUrl,
    String(seconds),
    JSON.stringify(ENV),
  ]);
  const [, port = '', time = ''] = (await child.line('ready')).split(' ');
  const gql: TestApp['gql'] = async (query, variables, sending = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(sending.token === undefined ? {} : { authorization: `Bearer ${sending.token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Answer;
  };
  return { child, gql, ownTime: Number(time) };
}

describe('instances whose clocks differ by four minutes', () => {
  let right: TestApp;
  const wrong: (Pick<TestApp, 'gql'> & { child: Child; ownTime: number })[] = [];

  beforeAll(async () => {
    right = await createTestApp({ env: ENV, overrides: { now: () => new Date() } });
    wrong.push(...(await Promise.all(WRONG_BY.map((by) => startShifted(right.databaseUrl, by)))));
  });
  afterAll(async () => {
    for (const { child } of wrong) child.kill('SIGKILL');
    await Promise.all(wrong.map(({ child }) => child.exited));
    await right.close();
  });

  /** What a helper for a TestApp asks of one is its `gql`. */
  const at = (index: number) => wrong[index] as unknown as TestApp;

  it('really differ, or nothing would be shown here', () => {
    for (const [index, by] of WRONG_BY.entries()) {
      const difference = ((wrong[index]?.ownTime ?? 0) - Date.now()) / 1000;
      expect(Math.abs(difference - by)).toBeLessThan(50);
    }
  });

  it.each(WRONG_BY.map((by, index) => [by, index] as const))(
    'do not take fresh refresh tokens of each other for stolen ones: wrong by %i s',
    async (_by, index) => {
      const user = await registerUser(right);
      const first = await refresh(right, user.refreshToken);
      const replay = await refresh(at(index), user.refreshToken);
      expect(replay.tokens?.refreshToken).toBe(first.tokens.refreshToken);

      const second = await refresh(at(index), first.tokens.refreshToken);
      const backAgain = await refresh(right, first.tokens.refreshToken);
      expect(backAgain.tokens?.refreshToken).toBe(second.tokens.refreshToken);
    },
  );

  it.each(WRONG_BY.map((by, index) => [by, index] as const))(
    'take the access tokens of each other: wrong by %i s',
    async (_by, index) => {
      const user = await registerUser(right);
      expect(await isSignedIn(at(index), user.accessToken)).toBe(true);
      const there = (await logIn(at(index), { identifier: user.email })).tokens;
      expect(await isSignedIn(right, there.accessToken)).toBe(true);
      const { iat = 0, exp = 0 } = decodeJwt(there.accessToken);
      expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(10);
      expect(exp - iat).toBe(900);
    },
  );

  it('count attempts together, and lock and unlock at the same time', async () => {
    const user = await registerUser(right);
    const guess = (app: TestApp) => logIn(app, { identifier: user.email, password: 'wrong' });
    for (const app of [at(0), at(1), right, at(0)]) {
      expect((await guess(app)).__typename).toBe('InvalidCredentials');
    }
    // the fifth locks, wherever it is made
    await guess(at(1));
    for (const app of [right, at(0), at(1)]) {
      const { __typename, retryAfter } = await logIn(app, { identifier: user.email });
      expect(__typename).toBe('AccountLocked');
      expect(retryAfter).toBeGreaterThan(850);
      expect(retryAfter).toBeLessThanOrEqual(905);
    }
  });

  it('count requests in the same windows', async () => {
    const ask = (app: TestApp) =>
      app.gql(
        'mutation { requestPasswordReset(input: { email: "nobody@example.com" }) { __typename } }',
        {},
        { from: '127.0.0.1' },
      );
    const instances = [at(0), at(1), right];
    for (let i = 0; i < RESET_LIMIT; i++) {
      expect((await ask(instances[i % 3] as TestApp)).errors).toBeUndefined();
    }
    for (const app of instances) {
      const { errors } = await ask(app);
      expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
      const { retryAfter } = errors?.[0]?.extensions ?? {};
      expect(retryAfter).toBeGreaterThan(850);
      expect(retryAfter).toBeLessThanOrEqual(905);
    }
  });

  it('take the links of each other, and none that has run out', async () => {
    const user = await registerUser(right);
    const mailed = await tokenTo(right, user.email, 'verify-email');
    const confirmed = await verifyEmail(at(1), mailed, user.accessToken);
    expect(confirmed.__typename).toBe('VerifyEmailSuccess');
    const late = await registerUser(right);
    const link = await tokenTo(right, late.email, 'verify-email');
    // it runs out in ten seconds, or did ten seconds ago: far less than the clocks differ
    const setEnd = (seconds: number) =>
      runSql(
        right.databaseUrl,
        'update email_tokens set expires_at = utc_timestamp(3) + interval ? second where user_id = ?',
        [seconds, idBytes(late.id)],
      );
    await setEnd(-10);
    for (const app of [right, at(0), at(1)]) {
      expect((await verifyEmail(app, link, late.accessToken)).__typename).toBe('InvalidToken');
    }
    await setEnd(10);
    expect((await verifyEmail(at(0), link, late.accessToken)).__typename).toBe(
      'VerifyEmailSuccess',
    );
  });

  it('go on as one when the clock of one of them is set', async () => {
    const user = await registerUser(right);
    const { tokens } = await refresh(right, user.refreshToken);
    const { child, ownTime } = wrong[0] ?? {};
    child?.kill('SIGUSR2');
    const set = Number((await child?.line('set'))?.split(' ')[1]);
    expect((set - (ownTime ?? 0)) / 1000).toBeLessThan(-100);
    // the very next requests, before it has compared clocks again
    expect(await isSignedIn(at(0), tokens.accessToken)).toBe(true);
    const replay = await refresh(at(0), user.refreshToken);
    expect(replay.tokens?.refreshToken).toBe(tokens.refreshToken);
    const there = (await logIn(at(0), { identifier: user.email })).tokens;
    expect(await isSignedIn(right, there.accessToken)).toBe(true);
    const { iat = 0 } = decodeJwt(there.accessToken);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(10);
  });

  it('take the same TOTP codes, and each once among them all', async () => {
    const user = await registerUser(right);
    const token = user.accessToken;
    const enable = `mutation { enableTotp(input: { currentPassword: "${user.password}" }) {
      ... on EnableTotpSuccess { secret }
    } }`;
    const { secret } = (await right.gql(enable, {}, { token })).data.enableTotp;
    const confirm = async (app: Pick<TestApp, 'gql'>, at: Date) => {
      const query = `mutation { confirmTotp(input: { code: "${totpCode(secret, at)}" }) { __typename } }`;
      return (await app.gql(query, {}, { token })).data.confirmTotp.__typename;
    };
    const shown = new Date();
    // what an authenticator would show by the wrong instance's own clock is the code of another time
    expect(await confirm(at(0), new Date(shown.getTime() + 120_000))).toBe('InvalidCode');
    expect(await confirm(at(0), shown)).toBe('ConfirmTotpSuccess');
    const code = totpCode(secret, shown);
    for (const app of [right, at(0), at(1)]) {
      expect((await logIn(app, { identifier: user.email, code })).__typename).toBe('InvalidCode');
    }
  });
});

describe('createClock', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => app.close());

  it.each([60, -60, 86_400, -86_400, 3])(
    "is the database's when our own is wrong by %i s",
    async (by) => {
      const rightTime = Date.now.bind(Date);
      vi.spyOn(Date, 'now').mockImplementation(() => rightTime() + by * 1000);
      const clock = createClock(app.app.deps.db);
      expect(Math.abs(clock.now().getTime() - rightTime() - by * 1000)).toBeLessThan(500);
      await clock.adjust();
      expect(Math.abs(clock.now().getTime() - rightTime())).toBeLessThan(1500);
    },
  );

  it.each([120, -120, 86_400])('goes on evenly when our own is set by %i s', async (by) => {
    const rightTime = Date.now.bind(Date);
    const clock = createClock(app.app.deps.db);
    await clock.adjust();
    vi.spyOn(Date, 'now').mockImplementation(() => rightTime() + by * 1000);
    for (let looks = 0; looks < 5; looks++) {
      expect(Math.abs(clock.now().getTime() - rightTime())).toBeLessThan(1500);
      await clock.adjust();
    }
  });

  it('is right at once after the machine has slept', async () => {
    const clock = createClock(app.app.deps.db);
    await clock.adjust();
    const steadyTime = performance.now.bind(performance);
    // what was asleep has not counted
    vi.spyOn(performance, 'now').mockImplementation(() => steadyTime() - 600_000);
    expect(Math.abs(clock.now().getTime() - Date.now())).toBeLessThan(1500);
  });

  it('compares at once after the machine was halted from outside', async () => {
    const clock = createClock(app.app.deps.db);
    await clock.adjust();
    const steadyTime = performance.now.bind(performance);
    const uptime = os.uptime.bind(os);
    vi.spyOn(performance, 'now').mockImplementation(() => steadyTime() - 600_000);
    vi.spyOn(os, 'uptime').mockImplementation(() => uptime() - 600);
    expect(Math.abs(clock.now().getTime() - Date.now() + 600_000)).toBeLessThan(500);
    await vi.waitUntil(() => Math.abs(clock.now().getTime() - Date.now()) < 1500);
  });

  it('is our own while that is less than two seconds off, so that it does not jump about', async () => {
    const rightTime = Date.now.bind(Date);
    const clock = createClock(app.app.deps.db);
    vi.spyOn(Date, 'now').mockImplementation(() => rightTime() + 900);
    await clock.adjust();
    expect(Math.abs(clock.now().getTime() - rightTime() - 900)).toBeLessThan(500);
  });

  it('tells once that the two differ and by how much, and once that they agree again', async () => {
    const rightTime = Date.now.bind(Date);
    const told: number[] = [];
    const clock = createClock(app.app.deps.db, (offsetMs) =>
      told.push(Math.round(offsetMs / 1000)),
    );
    await clock.adjust();
    expect(clock.offsetMs()).toBe(0);
    const spy = vi.spyOn(Date, 'now').mockImplementation(() => rightTime() - 90_000);
    await clock.adjust();
    await clock.adjust();
    expect(Math.round(clock.offsetMs() / 1000)).toBe(90);
    spy.mockRestore();
    await clock.adjust();
    expect([told, clock.offsetMs()]).toEqual([[90, 0], 0]);
  });

  it('follows when our own is put right, and goes on when the database does not answer', async () => {
    const connection = connectionOptions(app.databaseUrl, () => '');
    const database = openDatabase({ connection, connections: 1, timeoutMs: 4000 });
    const rightTime = Date.now.bind(Date);
    const clock = createClock(database.db);
    const spy = vi.spyOn(Date, 'now').mockImplementation(() => rightTime() + 60_000);
    await clock.adjust();
    spy.mockRestore();
    await clock.adjust();
    expect(Math.abs(clock.now().getTime() - rightTime())).toBeLessThan(500);
    await database.close();
    await expect(clock.adjust()).rejects.toThrow();
    expect(Math.abs(clock.now().getTime() - rightTime())).toBeLessThan(500);
  });
});

describe('a clock that steps back', () => {
  it('brings no ended session and no used token back', async () => {
    const app = await createTestApp();
    const revoked = async (user: TestUser) => {
      expect(await isSignedIn(app, user.accessToken)).toBe(false);
      expect((await refresh(app, user.refreshToken)).__typename).toBe('InvalidRefreshToken');
    };
    const [reused, loggedOut] = [await registerUser(app), await registerUser(app)];
    await refresh(app, reused.refreshToken);
    app.clock.advance(31);
    expect((await refresh(app, reused.refreshToken)).__typename).toBe('RefreshTokenReused');
    await app.gql('mutation { logout { endedSessions } }', {}, { token: loggedOut.accessToken });
    for (const seconds of [-1, -60, -3600]) {
      app.clock.advance(seconds);
      await revoked(reused);
      await revoked(loggedOut);
    }
    await app.close();
  });

  it('makes no theft of a replay that is still in the window', async () => {
    const app = await createTestApp();
    const user = await registerUser(app);
    const { tokens } = await refresh(app, user.refreshToken);
    app.clock.advance(-2);
    const replay = await refresh(app, user.refreshToken);
    expect(replay.tokens.refreshToken).toBe(tokens.refreshToken);
    expect((await refresh(app, tokens.refreshToken)).__typename).toBe('RefreshSuccess');
    await app.close();
  });
});
