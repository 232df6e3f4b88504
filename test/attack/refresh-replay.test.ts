import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { forgetExpiredByKind } from '../../src/flows/housekeeping.ts';
import {
  auditTypes,
  idBytes,
  isSignedIn,
  logIn,
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createTestClock } from '../support/clock.ts';
import { dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';
import { changingNothing } from './support/rows.ts';

const GRACE = 30;
const DAY = 24 * 60 * 60;

interface SessionRow {
  generation: number;
  end_reason: string | null;
  expires_at: Date;
}

async function sessionsOf(app: TestApp, user: { id: string }): Promise<SessionRow[]> {
  return runSql<SessionRow>(
    app.databaseUrl,
    'select generation, end_reason, expires_at from sessions where user_id = ? order by created_at, id',
    [idBytes(user.id)],
  );
}

describe('replaying a refresh token, on two instances over one database', () => {
  let one: TestApp;
  let other: TestApp;
  beforeAll(async () => {
    one = await createTestApp();
    other = await createTestApp({ databaseUrl: one.databaseUrl, clock: one.clock });
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(async () => {
    await other.close();
    await one.close();
  });

  const reuses = async (user: TestUser) =>
    (await auditTypes(one, user.id)).filter((type) => type === 'REFRESH_TOKEN_REUSED').length;

  it('R1: fifty presentations at the same moment give one successor, round after round', async () => {
    const user = await registerUser(one);
    let token = user.refreshToken;
    for (const round of [1, 2, 3]) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => refresh(n % 2 === 0 ? one : other, token)),
      );
      const kinds = new Set(answers.map((answer) => answer.__typename));
      expect([...kinds]).toEqual(['RefreshSuccess']);
      const successors = new Set<string>(answers.map((answer) => answer.tokens.refreshToken));
      expect(successors.size).toBe(1);
      expect(await sessionsOf(one, user)).toMatchObject([{ generation: round, end_reason: null }]);
      for (const answer of answers.slice(0, 6)) {
        expect(await isSignedIn(other, answer.tokens.accessToken)).toBe(true);
      }
      [token = ''] = successors;
    }
    expect(await reuses(user)).toBe(0);
  });

  it('R3: a replay inside the grace window gives that same successor, and makes no third generation', async () => {
    const user = await registerUser(one);
    const { tokens } = await refresh(one, user.refreshToken);
    expect(tokens.refreshToken).not.toBe(user.refreshToken);
    for (const seconds of [0, 0, 0.001, 0.5, 10, 19.499]) {
      one.clock.advance(seconds);
      const replay = await refresh(other, user.refreshToken);
      expect(replay.tokens.refreshToken).toBe(tokens.refreshToken);
    }
    // thirty seconds to the millisecond, and no longer for having been replayed in between
    expect((await sessionsOf(one, user))[0]).toMatchObject({ generation: 1, end_reason: null });
    one.clock.advance(0.001);
    expect((await refresh(other, user.refreshToken)).__typename).toBe('RefreshTokenReused');
  });

  it('R3: a replay does not lengthen the session', async () => {
    const user = await registerUser(one);
    await refresh(one, user.refreshToken);
    const [before] = await sessionsOf(one, user);
    one.clock.advance(20);
    await refresh(one, user.refreshToken);
    expect((await sessionsOf(one, user))[0]?.expires_at).toEqual(before?.expires_at);
  });

  it('R3: the token whose answer was lost on the way still refreshes', async () => {
    const user = await registerUser(one);
    // the rotation is committed; then the process falls over before it answers
    vi.spyOn(one.app.deps.accessTokens, 'sign').mockRejectedValueOnce(new Error('out of memory'));
    const lost = await refresh(one, user.refreshToken);
    expect(lost.errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR');
    expect(await sessionsOf(one, user)).toMatchObject([{ generation: 1 }]);
    const { tokens } = await refresh(other, user.refreshToken);
    expect(await isSignedIn(one, tokens.accessToken)).toBe(true);
    expect(await sessionsOf(one, user)).toMatchObject([{ generation: 1, end_reason: null }]);
    expect((await refresh(one, tokens.refreshToken)).__typename).toBe('RefreshSuccess');
    expect(await reuses(user)).toBe(0);
  });

  it('R2: reuse after the window ends the session with its live access token, and is on record', async () => {
    const user = await registerUser(one);
    const bystander = await registerUser(one);
    one.clock.advance(1);
    const elsewhere = await logIn(one, { identifier: user.email });
    const { tokens } = await refresh(one, user.refreshToken);
    one.clock.advance(GRACE + 0.001);
    for (const app of [one, other]) {
      // in both instances' memory of verified signatures
      expect(await isSignedIn(app, user.accessToken)).toBe(true);
      expect(await isSignedIn(app, tokens.accessToken)).toBe(true);
    }
    const reuse = await one.gql(
      `mutation ($token: String) { refresh(input: { refreshToken: $token }) {
        __typename ... on Error { code message }
      } }`,
      { token: user.refreshToken },
      { from: '203.0.113.66', headers: { 'user-agent': 'thief/1.0' } },
    );
    expect(reuse.data.refresh).toEqual({
      __typename: 'RefreshTokenReused',
      code: 'REFRESH_TOKEN_REUSED',
      message: expect.any(String),
    });
    for (const app of [one, other]) {
      expect(await isSignedIn(app, user.accessToken)).toBe(false);
      expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
      for (const token of [user.refreshToken, tokens.refreshToken]) {
        expect((await refresh(app, token)).__typename).toBe('InvalidRefreshToken');
      }
    }
    // the thief's place is on record, the owner sees it, and the owner's other devices go on
    const seen = await other.gql(
      '{ me { sessions { id } auditEvents(first: 1) { edges { node { type ipAddress userAgent } } } } }',
      {},
      { token: elsewhere.tokens.accessToken },
    );
    expect(seen.data.me.auditEvents.edges[0].node).toEqual({
      type: 'REFRESH_TOKEN_REUSED',
      ipAddress: '203.0.113.66',
      userAgent: 'thief/1.0',
    });
    expect(seen.data.me.sessions).toHaveLength(1);
    expect(await sessionsOf(one, user)).toMatchObject([
      { end_reason: 'REFRESH_TOKEN_REUSED' },
      { end_reason: null },
    ]);
    expect((await refresh(one, elsewhere.tokens.refreshToken)).__typename).toBe('RefreshSuccess');
    expect(await isSignedIn(one, bystander.accessToken)).toBe(true);
  });

  it('R2: of twenty reuses at the same moment one is told so, and one is on record', async () => {
    const user = await registerUser(one);
    const { tokens } = await refresh(one, user.refreshToken);
    one.clock.advance(GRACE + 1);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => refresh(n % 2 === 0 ? one : other, user.refreshToken)),
    );
    const kinds = answers.map((answer) => answer.__typename).sort();
    expect(kinds).toEqual([...Array(19).fill('InvalidRefreshToken'), 'RefreshTokenReused']);
    expect(await reuses(user)).toBe(1);
    expect((await refresh(one, tokens.refreshToken)).__typename).toBe('InvalidRefreshToken');
  });

  it('R2: the thief who refreshed first is signed out when the owner comes with the old token', async () => {
    const user = await registerUser(one);
    const thief = await refresh(one, user.refreshToken);
    one.clock.advance(GRACE + 1);
    const further = await refresh(one, thief.tokens.refreshToken);
    one.clock.advance(10 * 60);
    expect((await refresh(other, user.refreshToken)).__typename).toBe('RefreshTokenReused');
    expect(await isSignedIn(one, further.tokens.accessToken)).toBe(false);
    expect((await refresh(one, further.tokens.refreshToken)).__typename).toBe(
      'InvalidRefreshToken',
    );
  });

  it('R2: any authentic older generation is reuse, however old', async () => {
    for (const age of [1, 2, 5]) {
      const user = await registerUser(one);
      const tokens = [user.refreshToken];
      for (let generation = 0; generation < 5; generation++) {
        one.clock.advance(GRACE + 1);
        tokens.push((await refresh(one, tokens.at(-1) ?? '')).tokens.refreshToken);
      }
      one.clock.advance(GRACE + 1);
      expect((await refresh(one, tokens.at(-1 - age) ?? '')).__typename).toBe('RefreshTokenReused');
    }
  });

  it('R2: without a grace window the same millisecond is still one, the next is not', async () => {
    const strict = await createTestApp({
      databaseUrl: one.databaseUrl,
      clock: one.clock,
      env: { REFRESH_GRACE: '0' },
    });
    const user = await registerUser(strict);
    const answers = await Promise.all([1, 2, 3].map(() => refresh(strict, user.refreshToken)));
    expect(new Set(answers.map((answer) => answer.tokens.refreshToken)).size).toBe(1);
    one.clock.advance(0.001);
    expect((await refresh(strict, user.refreshToken)).__typename).toBe('RefreshTokenReused');
    await strict.close();
  });

  it('costs the service one SELECT and one UPDATE, whether it is the first presentation or a replay', async () => {
    const user = await registerUser(one);
    const { $client } = one.app.deps.db as unknown as {
      $client: { query(statement: { sql: string }): Promise<unknown> };
    };
    await refresh(one, user.refreshToken);
    const spy = vi.spyOn($client, 'query');
    const statements = async (token: string) => {
      spy.mockClear();
      const answer = await refresh(one, token);
      return {
        answer,
        verbs: spy.mock.calls.map(([statement]) => statement.sql.trim().split(/\s/)[0]),
      };
    };
    const replay = await statements(user.refreshToken);
    expect(replay.verbs).toEqual(['select', 'update']);
    const next = await statements(replay.answer.tokens.refreshToken);
    expect(next.verbs).toEqual(['select', 'update']);
  });

  it('keeps no session alive beyond its absolute lifetime, however often it is refreshed', async () => {
    const user = await registerUser(one, { remember: true });
    let { refreshToken, accessToken, refreshExpiresAt } = { ...user, refreshExpiresAt: '' };
    const end = one.clock.now().getTime() + 90 * DAY * 1000;
    for (let day = 0; day < 87; day += 29) {
      one.clock.advance(29 * DAY);
      ({ refreshToken, accessToken, refreshExpiresAt } = (await refresh(one, refreshToken)).tokens);
    }
    expect(Date.parse(refreshExpiresAt)).toBe(end);
    one.clock.advance(3 * DAY - 1);
    ({ refreshToken, accessToken } = (await refresh(one, refreshToken)).tokens);
    expect(await isSignedIn(one, accessToken)).toBe(true);
    one.clock.advance(1);
    expect(await isSignedIn(one, accessToken)).toBe(false);
    expect((await refresh(one, refreshToken)).__typename).toBe('InvalidRefreshToken');
  });

  it('gives a session that is not remembered a day, and a remembered one thirty', async () => {
    for (const [remember, days] of [
      [false, 1],
      [true, 30],
    ] as const) {
      const [kept, lost] = [
        await registerUser(one, { remember }),
        await registerUser(one, { remember }),
      ];
      one.clock.advance(days * DAY - 0.001);
      expect((await refresh(one, kept.refreshToken)).__typename).toBe('RefreshSuccess');
      one.clock.advance(0.001);
      expect((await refresh(one, lost.refreshToken)).__typename).toBe('InvalidRefreshToken');
    }
  });
});

describe('R4: replaying a refresh token after a restart', () => {
  it('is still refused, before and after what has expired is forgotten', async () => {
    const databaseUrl = newDatabaseUrl();
    const clock = createTestClock();
    const start = () => createTestApp({ databaseUrl, clock });
    const first = await start();
    const [reused, loggedOut, expired] = [
      await registerUser(first),
      await registerUser(first),
      await registerUser(first),
    ];
    const { tokens } = await refresh(first, reused.refreshToken);
    clock.advance(GRACE + 1);
    expect((await refresh(first, reused.refreshToken)).__typename).toBe('RefreshTokenReused');
    await first.gql('mutation { logout { endedSessions } }', {}, { token: loggedOut.accessToken });
    const dead = [
      reused.refreshToken,
      tokens.refreshToken,
      loggedOut.refreshToken,
      expired.refreshToken,
    ];
    const refuses = async (app: TestApp) => {
      await changingNothing(app, async () => {
        for (const token of dead) {
          expect((await refresh(app, token)).__typename).toBe('InvalidRefreshToken');
        }
      });
    };
    await first.close();

    const second = await start();
    clock.advance(DAY);
    await refuses(second);
    // still stored, and refused as what has ended
    expect(await forgetExpiredByKind(second.app.deps)).toMatchObject({ sessions: 0 });
    expect(await runSql(databaseUrl, 'select id from sessions')).toHaveLength(3);
    await refuses(second);
    await second.close();

    const third = await start();
    clock.advance(31 * DAY);
    expect(await forgetExpiredByKind(third.app.deps)).toMatchObject({ sessions: 3 });
    expect(await runSql(databaseUrl, 'select id from sessions')).toEqual([]);
    await refuses(third);
    await third.close();
    await dropDatabase(databaseUrl);
  });

  it('is still one successor, and still theft after the window', async () => {
    const databaseUrl = newDatabaseUrl();
    const clock = createTestClock();
    const before = await createTestApp({ databaseUrl, clock });
    const user = await registerUser(before);
    const { tokens } = await refresh(before, user.refreshToken);
    await before.close();
    const after = await createTestApp({ databaseUrl, clock });
    clock.advance(GRACE);
    const replay = await refresh(after, user.refreshToken);
    expect(replay.tokens.refreshToken).toBe(tokens.refreshToken);
    clock.advance(1);
    expect((await refresh(after, user.refreshToken)).__typename).toBe('RefreshTokenReused');
    await after.close();
    await dropDatabase(databaseUrl);
  });
});
