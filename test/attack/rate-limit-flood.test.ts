import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forgetExpiredByKind } from '../../src/flows/housekeeping.ts';
import { createAttemptGate } from '../../src/flows/steps/attempt-gate.ts';
import { recordHit } from '../../src/records/rate-limit-hit.ts';
import { logIn, newName, registerUser } from '../support/account.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { inTurns } from './support/rows.ts';

const MINUTE = 60;
const LIMITS = {
  RATE_LIMIT: 'on',
  RATE_LIMITS:
    'login=10/15,login.spray=25/1440,login.account=4/15,register=5/15,completeLogin=5/15,refresh=5/15,updateProfile=5/15',
  LOGIN_ATTEMPT_LIMIT: '1000',
};

let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: LIMITS });
  other = await createTestApp({ env: LIMITS, databaseUrl: app.databaseUrl, clock: app.clock });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

let network = 0;
let from: string;
beforeEach(() => {
  from = `10.7.0.${++network}`;
});

const guess = (at: TestApp, identifier = newName(), address = from) =>
  logIn(at, { identifier, password: 'a guess' }, address);

const codeOf = (answer: { code?: string; errors?: Answer['errors'] }) =>
  answer.errors?.[0]?.extensions.code ?? answer.code;

const count = (answers: Parameters<typeof codeOf>[0][], code: string) =>
  answers.filter((answer) => codeOf(answer) === code).length;

describe('the limit of an address', () => {
  it('holds of a hundred sign-ins at the same moment at two instances, and counts exactly', async () => {
    const hashes = app.hashes() + other.hashes();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => guess(i % 2 === 0 ? app : other)),
    );
    expect(count(answers, 'INVALID_CREDENTIALS')).toBe(10);
    expect(count(answers, 'RATE_LIMITED')).toBe(90);
    expect(app.hashes() + other.hashes() - hashes).toBe(10);
  });

  it('says when to come again, and keeps its word to the second', async () => {
    for (let i = 0; i < 10; i++) await guess(app);
    app.clock.advance(10 * MINUTE + 0.4);
    const refused = await guess(app);
    expect(refused.errors[0].extensions).toEqual({ code: 'RATE_LIMITED', retryAfter: 300 });
    expect(refused.errors[0].message).toContain('in 5 minutes');
    app.clock.advance(299);
    expect(codeOf(await guess(app))).toBe('RATE_LIMITED');
    app.clock.advance(1);
    expect(codeOf(await guess(app))).toBe('INVALID_CREDENTIALS');
  });

  it('survives a restart', async () => {
    for (let i = 0; i < 11; i++) await guess(app);
    const restarted = await createTestApp({
      env: LIMITS,
      databaseUrl: app.databaseUrl,
      clock: app.clock,
    });
    try {
      expect(codeOf(await guess(restarted))).toBe('RATE_LIMITED');
    } finally {
      await restarted.close();
    }
  });

  it('is that of one address: its neighbour notices nothing', async () => {
    for (let i = 0; i < 12; i++) await guess(app);
    expect(codeOf(await guess(app, newName(), `10.6.0.${network}`))).toBe('INVALID_CREDENTIALS');
  });

  it('stops one password that is tried on many accounts, slowly, for a day', async () => {
    let checked = 0;
    for (let window = 0; window < 12; window++) {
      for (let i = 0; i < 6; i++) {
        if (codeOf(await guess(app)) === 'INVALID_CREDENTIALS') checked++;
      }
      app.clock.advance(16 * MINUTE);
    }
    expect(checked).toBe(25);
    app.clock.advance(24 * 60 * MINUTE);
    expect(codeOf(await guess(app))).toBe('INVALID_CREDENTIALS');
  });

  it('and account together is lower, in every spelling of the account', async () => {
    const name = newName('x');
    const spellings = [name, name.toUpperCase(), ` ${name}`, name.replace('x', 'ｘ'), `${name}\t`];
    const answers = [];
    for (const spelling of spellings) answers.push(await guess(app, spelling));
    expect(answers.map(codeOf)).toEqual([...Array(4).fill('INVALID_CREDENTIALS'), 'RATE_LIMITED']);
    expect(codeOf(await guess(app))).toBe('INVALID_CREDENTIALS');
  });
});

it.each([
  ['register', 'register(input: { email: "x", password: "y" }) { __typename }'],
  ['completeLogin', 'completeLogin(input: { challenge: "x", code: "y" }) { __typename }'],
  ['refresh', 'refresh(input: { refreshToken: "x" }) { __typename }'],
  ['updateProfile', 'updateProfile(input: { displayName: "x" }) { __typename }'],
])('every call of %s counts, also one that comes to nothing', async (_name, field) => {
  const codes = [];
  for (let i = 0; i < 7; i++) {
    const { errors } = await app.gql(`mutation { ${field} }`, {}, { from });
    codes.push(errors?.[0]?.extensions.code);
  }
  expect(codes.slice(0, 5)).not.toContain('RATE_LIMITED');
  expect(codes.slice(5)).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
});

it('the limit of a signed-in user goes with the user, from whatever address', async () => {
  const [user, neighbour] = [await registerUser(app), await registerUser(app)];
  const call = (token: string, i: number) =>
    app.gql(
      'mutation { updateProfile(input: { displayName: "x" }) { __typename } }',
      {},
      { token, from: `10.5.0.${i}` },
    );
  const codes = [];
  for (let i = 0; i < 6; i++)
    codes.push((await call(user.accessToken, i)).errors?.[0]?.extensions.code);
  expect(codes).toEqual([...Array(5).fill(undefined), 'RATE_LIMITED']);
  expect((await call(neighbour.accessToken, 0)).errors).toBeUndefined();
});

describe('what counts does not grow without bound', () => {
  const rows = async (table: string) => {
    const [row] = await runSql<{ n: number }>(
      app.databaseUrl,
      `select count(*) as n from ${table}`,
    );
    return Number(row?.n);
  };

  it('20,000 addresses leave no row behind once their windows are over', async () => {
    const { deps } = app.app;
    app.clock.advance(2 * 24 * 60 * MINUTE);
    await forgetExpiredByKind(deps);
    expect(await rows('rate_limit_hits')).toBe(0);
    const now = app.clock.now();
    const keys = Array.from({ length: 2000 }, () => randomBytes(16));
    const hits = await inTurns(keys, (key) => recordHit(deps.db, key, 60_000, now));
    expect(new Set(hits)).toEqual(new Set([1]));
    // nine times as many more, at once: the service would write the same rows one by one
    const end = new Date(now.getTime() + 60_000);
    for (let i = 0; i < 9; i++) {
      const more = Array.from(
        { length: 2000 },
        () => `(0x${randomBytes(16).toString('hex')}, 1, @end)`,
      );
      const sql = `insert into rate_limit_hits (\`key\`, hits, expires_at) values ${more.join()}`;
      await runSql(app.databaseUrl, sql.replaceAll('@end', '?'), Array(2000).fill(end));
    }
    expect(await rows('rate_limit_hits')).toBe(20_000);
    app.clock.advance(59);
    expect(await forgetExpiredByKind(deps)).toMatchObject({ rateLimitHits: 0 });
    app.clock.advance(1);
    expect(await forgetExpiredByKind(deps)).toMatchObject({ rateLimitHits: 20_000 });
    expect(await rows('rate_limit_hits')).toBe(0);
  });

  it('more addresses than there is room for make room for themselves, and nobody else’s lock gives way', async () => {
    const { deps } = app.app;
    const rateLimit = { ...deps.config.rateLimit, rows: 1000 };
    const bounded = { ...deps, config: { ...deps.config, rateLimit } };
    const [now, locked] = [app.clock.now(), newName()];
    for (let i = 0; i < 4; i++) await guess(app, locked);
    const counters = await rows('attempt_counters');
    const keys = Array.from({ length: 3000 }, () => randomBytes(16));
    await inTurns([...keys.entries()], ([i, key]) => recordHit(deps.db, key, 60_000 + i * 10, now));
    await forgetExpiredByKind(bounded);
    expect(await rows('rate_limit_hits')).toBe(1000);
    // those that last longest are still counted
    expect(await recordHit(deps.db, keys.at(-1) ?? Buffer.alloc(16), 60_000, now)).toBe(2);
    expect(await recordHit(deps.db, keys[0] ?? Buffer.alloc(16), 60_000, now)).toBe(1);
    expect(await rows('attempt_counters')).toBe(counters);
  });

  it('guesses at hundreds of names leave no row behind either', async () => {
    const names = Array.from({ length: 150 }, () => newName());
    await inTurns(names, (name) =>
      guess(app, name, `10.4.${name.charCodeAt(5)}.${name.charCodeAt(6)}`),
    );
    expect(await rows('attempt_counters')).toBeGreaterThan(50);
    app.clock.advance(25 * 60 * MINUTE);
    await forgetExpiredByKind(app.app.deps);
    expect(await rows('attempt_counters')).toBe(0);
    expect(await rows('rate_limit_hits')).toBe(0);
    expect(await rows('login_challenges')).toBe(0);
  });

  it('the gate keeps nothing of who has passed it', async () => {
    const gate = createAttemptGate(5);
    const before = heapUsed();
    for (let i = 0; i < 20_000; i++) (await gate.enter(`${i}`.padEnd(2000, 'x')))();
    // 40 MB of names
    expect(heapUsed() - before).toBeLessThan(10_000_000);
  });

  it('the gate lets nobody wait in a line that has become too long, and forgets the line', async () => {
    const gate = createAttemptGate(1);
    const inside = [gate.enter('victim')];
    for (let i = 0; i < 300; i++) inside.push(gate.enter('victim'));
    const refused = inside.slice(201);
    for (const entry of refused) {
      await expect(entry).rejects.toMatchObject({ code: 'OVERLOADED', retryAfter: 1 });
    }
    (await gate.enter('somebody else'))();
    for (const entry of inside.slice(0, 201)) (await entry)();
    (await gate.enter('victim'))();
  });
});

/** The heap that is left once everything is gone that can go. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  return process.memoryUsage().heapUsed;
}
