import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { idBytes, isSignedIn, refresh, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { isUpdating, runSql } from '../support/database.ts';

describe('refresh', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
  });
  afterAll(() => app.close());

  it('gives everybody who presents a token within the grace window the same successor', async () => {
    const user = await registerUser(app);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refresh(app, user.refreshToken)),
    );
    const successors = new Set(answers.map((answer) => answer.tokens.refreshToken));
    expect(successors.size).toBe(1);
    app.clock.advance(29);
    expect((await refresh(app, user.refreshToken)).tokens.refreshToken).toBe([...successors][0]);
  });

  it('takes an older token for theft after the window, and ends the session', async () => {
    const user = await registerUser(app);
    const { tokens } = await refresh(app, user.refreshToken);
    app.clock.advance(31);
    expect(await isSignedIn(app, tokens.accessToken)).toBe(true);
    expect((await refresh(app, user.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
    expect((await refresh(app, tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  });

  it('takes nobody for a thief whose token is younger than the database, which was restored', async () => {
    const user = await registerUser(app);
    const { tokens } = await refresh(app, user.refreshToken);
    app.clock.advance(31);
    const goneBack = 'update sessions set generation = generation - 1 where user_id = ?';
    await runSql(app.databaseUrl, goneBack, [idBytes(user.id)]);
    expect((await refresh(app, tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
    expect(await isSignedIn(app, tokens.accessToken)).toBe(true);
    expect((await refresh(app, user.refreshToken)).code).toBeUndefined();
  });

  it('decides for each of many at once alone: racers, a thief, the signed-out and everybody else', async () => {
    const register = () => registerUser(app);
    const users = await Promise.all(Array.from({ length: 20 }, register));
    const [robbed, leaver, racer] = await Promise.all([register(), register(), register()]);
    const { tokens: theirs } = await refresh(app, robbed.refreshToken);
    app.clock.advance(31);
    await app.gql('mutation { logout { __typename } }', {}, { token: leaver.accessToken });

    const outcomes = await Promise.all(
      [...users, leaver, robbed, racer, racer, racer].map(async ({ id, refreshToken }) => {
        const answer = await refresh(app, refreshToken);
        return { id, code: answer.code, tokens: answer.tokens };
      }),
    );
    const codesOf = (user: { id: string }) =>
      outcomes.filter(({ id }) => id === user.id).map(({ code }) => code);
    for (const user of users) expect(codesOf(user)).toEqual([undefined]);
    expect(codesOf(racer)).toEqual([undefined, undefined, undefined]);
    expect(codesOf(leaver)).toEqual(['INVALID_REFRESH_TOKEN']);
    expect(codesOf(robbed)).toEqual(['REFRESH_TOKEN_REUSED']);
    expect(await isSignedIn(app, theirs.accessToken)).toBe(false);
    // each successor is the one that is in force, and whose it says it is
    const successors = new Set(outcomes.flatMap(({ tokens }) => tokens?.refreshToken ?? []));
    expect(successors.size).toBe(users.length + 1);
    app.clock.advance(31);
    for (const token of successors) {
      expect((await refresh(app, token)).__typename).toBe('RefreshSuccess');
    }
  });

  describe('while another holds the session’s row', () => {
    async function locking(user: TestUser, sql: string | null) {
      const connection = await createConnection(connectionOptions(app.databaseUrl, () => ''));
      const mine = 'user_id = ?';
      await connection.query('begin');
      await connection.query(`select 1 from sessions where ${mine} for update`, [idBytes(user.id)]);
      const answer = refresh(app, user.refreshToken);
      await expect.poll(() => isUpdating(app.databaseUrl), { timeout: 2500 }).toBe(true);
      if (sql !== null) {
        await connection.query(`update sessions set ${sql} where ${mine}`, [idBytes(user.id)]);
        await connection.query('commit');
      }
      const answered = await answer;
      await connection.end();
      return answered;
    }

    it('takes nobody for a thief who came in time and was overtaken twice', async () => {
      const user = await registerUser(app);
      const answer = await locking(user, 'generation = 2, rotated_at = utc_timestamp(3)');
      expect(answer.errors[0].extensions).toMatchObject({ code: 'OVERLOADED', retryAfter: 1 });
      expect(await isSignedIn(app, user.accessToken)).toBe(true);
      // whoever has only that token and comes again is too late, as ever
      expect((await refresh(app, user.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    });

    it('finds a session that was ended meanwhile ended', async () => {
      const user = await registerUser(app);
      const answer = await locking(user, "ended_at = utc_timestamp(3), end_reason = 'LOGOUT'");
      expect(answer.code).toBe('INVALID_REFRESH_TOKEN');
    });

    it('says when to try again', async () => {
      const user = await registerUser(app);
      const answer = await locking(user, null);
      expect(answer.errors[0].extensions).toMatchObject({ code: 'OVERLOADED', retryAfter: 1 });
      expect((await refresh(app, user.refreshToken)).__typename).toBe('RefreshSuccess');
    });
  });
});
