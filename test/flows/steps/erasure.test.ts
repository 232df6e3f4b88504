import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../../src/crypto/id.ts';
import { readEvents } from '../../../src/flows/audit-tail.ts';
import { forgetExpiredByKind } from '../../../src/flows/housekeeping.ts';
import type { AuditEvent } from '../../../src/records/audit-event.ts';
import {
  idBytes,
  PASSWORD,
  registerAdmin,
  registerUser,
  storedValues,
  type TestUser,
} from '../../support/account.ts';
import { createTestApp, type TestApp } from '../../support/app.ts';
import { runSql } from '../../support/database.ts';

// what one transaction takes, and more than that
const AT_ONCE = 1000;
const MANY = 2400;
const ADDRESS = '192.0.2.77';

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp();
  admin = await registerAdmin(app);
});
afterAll(() => app.close());

/** Puts events on record, all at one moment, later than what was before. */
async function insertEvents(
  count: number,
  { userId, actorId }: { userId: string; actorId: string },
): Promise<void> {
  app.clock.advance(1);
  const now = app.clock.now();
  const rows = Array.from({ length: count }, () => [newId(now), userId, actorId].map(idBytes));
  await runSql(
    app.databaseUrl,
    `insert into audit_events (id, user_id, actor_id, type, at, ip_address, user_agent, detail) values ${rows
      .map(() => `(?, ?, ?, 'LOGIN_FAILED', ?, '${ADDRESS}', 'Telling/1.0', '{"reason":"X"}')`)
      .join()}`,
    rows.flatMap((ids) => [...ids, now]),
  );
}

async function remove(user: TestUser): Promise<void> {
  app.clock.advance(1);
  const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
  const { data } = await app.gql(query, {}, { token: user.accessToken });
  expect(data?.deleteAccount.__typename).toBe('DeleteAccountSuccess');
}

/** How many events are still stored under an id. */
async function storedUnder(id: string): Promise<number> {
  const query = 'select count(*) as n from audit_events where user_id = ? or actor_id = ?';
  const [row] = await runSql<{ n: number }>(app.databaseUrl, query, [idBytes(id), idBytes(id)]);
  return row?.n ?? 0;
}

async function eventsOf(filter: object): Promise<{ userId: string; actorId: string }[]> {
  const query = `query ($userId: ID, $type: AuditEventType) { admin { auditEvents(first: 100, userId: $userId, type: $type) {
    edges { node { userId actorId sessionId ipAddress userAgent detail } } } } }`;
  const { data } = await app.gql(query, { ...filter }, { token: admin.accessToken });
  return data.admin.auditEvents.edges.map((edge: { node: object }) => edge.node);
}

async function allEvents(): Promise<AuditEvent[]> {
  const events = [];
  for await (const event of readEvents(app.app.deps, {})) events.push(event);
  return events;
}

it('deletes an account with very much on record at once, and pseudonymises the rest in batches', async () => {
  const user = await registerUser(app);
  await insertEvents(MANY, { userId: user.id, actorId: user.id });
  await remove(user);
  expect(await storedUnder(user.id)).toBe(MANY + 1 - AT_ONCE);
  expect(await forgetExpiredByKind(app.app.deps)).toMatchObject({
    erasedEvents: MANY + 1 - AT_ONCE,
  });
  const needles = [idBytes(user.id), ...[user.id, user.email, ADDRESS].map((x) => Buffer.from(x))];
  for (const { place, bytes } of await storedValues(app)) {
    expect(needles.filter((needle) => bytes.includes(needle)).length, place).toBe(0);
  }
  const [deletion] = await eventsOf({ type: 'ACCOUNT_DELETED' });
  const under = (await allEvents()).filter(({ userId }) => userId === deletion?.userId);
  // registered, all the rest, deleted
  expect(under).toHaveLength(MANY + 2);
  expect(await forgetExpiredByKind(app.app.deps)).toMatchObject({ erasedEvents: 0 });
});

it('shows nobody meanwhile who it was: not by the old id, and not in what is listed besides', async () => {
  const [user, other] = [await registerUser(app), await registerUser(app)];
  await insertEvents(AT_ONCE, { userId: user.id, actorId: user.id });
  await insertEvents(20, { userId: user.id, actorId: admin.id });
  await insertEvents(20, { userId: other.id, actorId: user.id });
  await remove(user);
  expect(await storedUnder(user.id)).toBe(41);
  expect(await eventsOf({ userId: user.id })).toEqual([]);
  expect(await eventsOf({ userId: user.id, type: 'LOGIN_FAILED' })).toEqual([]);

  const [deletion] = await eventsOf({ type: 'ACCOUNT_DELETED' });
  const pseudonym = deletion?.userId;
  const nowhere = { sessionId: null, ipAddress: null, userAgent: null };
  const listed = await eventsOf({ type: 'LOGIN_FAILED' });
  expect(listed.slice(0, 20)).toEqual(
    Array(20).fill({
      ...nowhere,
      userId: other.id,
      actorId: pseudonym,
      // what befell somebody else is theirs
      detail: { reason: 'X' },
    }),
  );
  const byAdmin = { ...nowhere, userId: pseudonym, actorId: admin.id, detail: {} };
  expect(listed.slice(20, 40)).toEqual(Array(20).fill(byAdmin));
  const before = await allEvents();
  expect(JSON.stringify(before)).not.toContain(user.id);
  expect(JSON.stringify(before)).not.toContain(ADDRESS);
  await forgetExpiredByKind(app.app.deps);
  expect(await storedUnder(user.id)).toBe(0);
  // it was shown as it is now
  expect(await allEvents()).toEqual(before);
});

it('hides nothing of an account that exists, and does not stop at it', async () => {
  const [user, gone] = [await registerUser(app), await registerUser(app)];
  const pseudonym = Buffer.from('00000000000080008000000000000001', 'hex');
  await insertEvents(AT_ONCE, { userId: gone.id, actorId: gone.id });
  await remove(gone);
  await runSql(app.databaseUrl, 'insert into erasures values (?, ?)', [
    idBytes(user.id),
    pseudonym,
  ]);
  expect(await eventsOf({ userId: user.id })).toMatchObject([
    { userId: user.id, ipAddress: '127.0.0.1' },
  ]);
  await forgetExpiredByKind(app.app.deps);
  expect(await storedUnder(gone.id)).toBe(0);
  expect(await storedUnder(user.id)).toBe(1);
});
