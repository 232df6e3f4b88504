import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { createFigures } from '../../src/flows/steps/figures.ts';
import {
  enrolTotp,
  idBytes,
  logIn,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const DASHBOARD = `{ admin { dashboard {
  users admins disabledUsers totpUsers activeSessions lockedAccounts
  registrationsLast24h loginsLast24h failedLoginsLast24h
} } }`;

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp({ env: { ACCESS_TOKEN_TTL: '86400' } });
  admin = await registerAdmin(app);
});
afterAll(() => app.close());

async function figures(token = admin.accessToken): Promise<Record<string, number>> {
  const { data } = await app.gql(DASHBOARD, {}, { token });
  return data.admin.dashboard;
}

it('counts what there is and what happened in a day', async () => {
  expect(await figures()).toEqual({
    users: 1,
    admins: 1,
    disabledUsers: 0,
    totpUsers: 0,
    activeSessions: 1,
    lockedAccounts: 0,
    registrationsLast24h: 1,
    loginsLast24h: 0,
    failedLoginsLast24h: 0,
  });
  app.clock.advance(3600);
  const [one, other] = [await registerUser(app), await registerUser(app)];
  await enrolTotp(app, one);
  await logIn(app, { identifier: other.email });
  for (let i = 0; i < 6; i++) await logIn(app, { identifier: 'nobody', password: 'wrong' });
  const sql = "update users set status = 'DISABLED' where id = ?";
  await runSql(app.databaseUrl, sql, [idBytes(other.id)]);
  expect(await figures()).toEqual({
    users: 3,
    admins: 1,
    disabledUsers: 1,
    totpUsers: 1,
    activeSessions: 4,
    lockedAccounts: 1,
    registrationsLast24h: 3,
    loginsLast24h: 1,
    failedLoginsLast24h: 5,
  });
});

it('forgets a day later what was only of that day', async () => {
  app.clock.advance(86_400 + 1);
  const { tokens } = await logIn(app, { identifier: admin.email });
  expect(await figures(tokens.accessToken)).toMatchObject({
    users: 3,
    activeSessions: 1,
    lockedAccounts: 0,
    registrationsLast24h: 0,
    loginsLast24h: 1,
    failedLoginsLast24h: 0,
  });
});

describe('of a large installation', () => {
  let now: Date;
  let counted: number;
  let users: number;
  const advance = (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1000);
  };
  /** A database that answers every count with the same number, and counts how often it is asked. */
  function createCounted() {
    now = new Date(2026, 0);
    counted = 0;
    const rows = () => {
      counted++;
      return Promise.resolve([{ role: 'USER', status: 'ACTIVE', users }]);
    };
    const db = { select: () => ({ from: () => ({ groupBy: rows }) }) };
    return createFigures({ db: db as unknown as Db, now: () => now });
  }

  it('figures are at most a minute old, and those who look on do not wait for them', async () => {
    users = 1_000_000;
    const figures = createCounted();
    const first = await figures.userCounts();
    advance(29);
    users = 2_000_000;
    expect(await figures.userCounts()).toEqual(first);
    expect(counted).toBe(1);
    advance(2);
    // this one is served at once, and the next count begins
    expect(await figures.userCounts()).toEqual(first);
    await Promise.resolve();
    expect(counted).toBe(2);
    await new Promise(setImmediate);
    expect((await figures.userCounts()).figures[0]?.users).toBe(2_000_000);
    advance(61);
    users = 3_000_000;
    const late = await figures.userCounts();
    expect(late).toEqual({ figures: [expect.objectContaining({ users })], at: now });
  });

  it('and of a small one they are counted each time', async () => {
    users = 50_000;
    const figures = createCounted();
    for (let call = 1; call <= 3; call++) {
      await figures.userCounts();
      expect(counted).toBe(call);
    }
  });
});
