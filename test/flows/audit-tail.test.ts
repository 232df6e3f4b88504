import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/crypto/id.ts';
import { followEvents, lastEvents, readEvents } from '../../src/flows/audit-tail.ts';
import type { AuditEvent } from '../../src/records/audit-event.ts';
import { idBytes, logIn, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function collect(events: AsyncIterable<AuditEvent>): Promise<AuditEvent[]> {
  const all: AuditEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function insertEvent(at: Date): Promise<string> {
  const id = newId(at);
  await runSql(
    app.databaseUrl,
    "insert into audit_events (id, type, at, detail) values (?, 'LOGIN_FAILED', ?, '{}')",
    [idBytes(id), at],
  );
  return id;
}

const secondsAgo = (seconds: number) => new Date(app.clock.now().getTime() - seconds * 1000);

it('reads from the oldest to the newest, by type, user and time', async () => {
  const user = await registerUser(app);
  app.clock.advance(10);
  await logIn(app, { identifier: user.email });
  app.clock.advance(10);
  await logIn(app, { identifier: user.email, password: 'wrong' });
  const typesOf = async (filter: object) =>
    (await collect(readEvents(app.app.deps, { userId: user.id, ...filter }))).map(
      ({ type }) => type,
    );
  expect(await typesOf({})).toEqual(['REGISTERED', 'LOGIN_SUCCEEDED', 'LOGIN_FAILED']);
  expect(await typesOf({ since: secondsAgo(10) })).toEqual(['LOGIN_SUCCEEDED', 'LOGIN_FAILED']);
  expect(await typesOf({ until: secondsAgo(10) })).toEqual(['REGISTERED']);
  expect(await typesOf({ type: 'LOGIN_FAILED' })).toEqual(['LOGIN_FAILED']);
  const last = await lastEvents(app.app.deps, { userId: user.id }, 2);
  expect(last.map(({ type }) => type)).toEqual(['LOGIN_SUCCEEDED', 'LOGIN_FAILED']);
});

it('goes on past a page', async () => {
  const since = secondsAgo(100_000);
  for (let i = 0; i < 3; i++) {
    const ids = Array.from({ length: 400 }, () => newId(new Date(since.getTime() + i)));
    await runSql(
      app.databaseUrl,
      `insert into audit_events (id, type, at, detail) values ${ids.map(() => "(?, 'REGISTERED', utc_timestamp(3), '{}')").join(',')}`,
      ids.map(idBytes),
    );
  }
  const until = secondsAgo(90_000);
  expect(await collect(readEvents(app.app.deps, { since, until }))).toHaveLength(1200);
});

it('gives out each event once as it comes, also one that was committed late', async () => {
  app.clock.advance(100);
  const stop = new AbortController();
  const events = followEvents(
    app.app.deps,
    {},
    { since: secondsAgo(1), given: [], signal: stop.signal, onFailure: () => {} },
  );
  app.clock.advance(30);
  const first = await insertEvent(secondsAgo(1));
  expect((await events.next()).value.id).toBe(first);
  const next = events.next();
  // made before the first one, and committed after it was given out
  const late = await insertEvent(secondsAgo(20));
  expect((await next).value.id).toBe(late);
  const last = await insertEvent(secondsAgo(0));
  expect((await events.next()).value.id).toBe(last);
  stop.abort();
  expect((await events.next()).done).toBe(true);
});

it('leaves out what was given already', async () => {
  const [given, other] = [await insertEvent(secondsAgo(0)), await insertEvent(secondsAgo(0))];
  const all = await lastEvents(app.app.deps, {}, 50);
  const stop = new AbortController();
  const options = {
    since: secondsAgo(5),
    given: all.filter(({ id }) => id !== other),
    signal: stop.signal,
    onFailure: () => {},
  };
  const { value } = await followEvents(app.app.deps, {}, options).next();
  expect(value.id).toBe(other);
  expect(value.id).not.toBe(given);
  stop.abort();
});
