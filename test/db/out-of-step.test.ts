import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { createDatabase, dropDatabase, newDatabaseUrl } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const url = newDatabaseUrl();
let proxy: TcpProxy & { databaseUrl: string };
let database: Database;

beforeAll(async () => {
  await createDatabase(url);
  proxy = await startTcpProxy(url);
  const connection = connectionOptions(proxy.databaseUrl, () => '');
  database = openDatabase({ connection, connections: 1, timeoutMs: 1000 });
});
beforeEach(async () => {
  proxy.restore();
  await read('nothing');
});
afterAll(async () => {
  await database.close();
  await proxy.close();
  await dropDatabase(url);
});

async function read(text: string): Promise<unknown> {
  const [rows] = await database.db.execute(sql`select ${text} as said`);
  return rows;
}

/** A packet of the server as it goes over the wire. */
function packet(sequence: number, ...content: number[]): Buffer {
  return Buffer.from([content.length, 0, 0, sequence, ...content]);
}

/** Changes one piece of what the server says. */
function once(change: (said: Buffer) => Buffer): void {
  proxy.tamper((said) => {
    proxy.tamper((unchanged) => unchanged);
    return change(said);
  });
}

/** An answer without one of its packets, the others numbered as if there had been none. */
function without(said: Buffer, missing: number): Buffer {
  const packets: Buffer[] = [];
  for (let at = 0; at < said.length; ) {
    const end = at + 4 + said.readUIntLE(at, 3);
    packets.push(said.subarray(at, end));
    at = end;
  }
  packets.splice(missing, 1);
  for (const [index, each] of packets.entries()) each[3] = index + 1;
  return Buffer.concat(packets);
}

const OK = [0, 0, 0, 2, 0, 0, 0];

const CHANGES: Record<string, (said: Buffer) => Buffer> = {
  'an answer too many behind one': (said) => Buffer.concat([said, packet(1, ...OK)]),
  'an answer too many before one': (said) => Buffer.concat([packet(1, ...OK), said]),
  'a refusal that breaks off': () => packet(1, 0xff),
  'an answer of another place in line': (said) => Buffer.concat([packet(3, ...OK), said]),
  // it announces one column: what follows is shifted by one, and the rest of it finds nobody who waits
  'the beginning of an answer twice': (said) => Buffer.concat([packet(1, 1), said]),
  // what comes instead of the end of the columns is an error, and so is what nobody waits for any more
  'an answer that lacks the end of its columns': (said) => without(said, 2),
  'the same answer twice': (said) => Buffer.concat([said, said]),
  'bytes that are no packets': (said) => Buffer.concat([Buffer.from('garbage'), said]),
};

it.each(Object.entries(CHANGES))(
  'takes no answer for that of another: %s',
  async (_what, change) => {
    once(change);
    const asked = ['one', 'two', 'three'];
    const answers = await Promise.allSettled(asked.map(read));
    for (const [index, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') expect(answer.value).toEqual([{ said: asked[index] }]);
      else expect(answer.reason.cause.code).toMatch(/^(UNAVAILABLE|OVERLOADED)$/);
    }
    expect(await read('four')).toEqual([{ said: 'four' }]);
  },
);

it('uses no connection again on which an answer could not be read', async () => {
  const long = 'x'.repeat(300_000);
  let isBroken = false;
  proxy.tamper((said) => {
    const at = isBroken ? -1 : said.indexOf('xxxx');
    if (at === -1) return said;
    isBroken = true;
    // what stands before a value is its length, and this is none
    said.fill(0xff, at - 4, at);
    return said;
  });
  const [answer, next] = await Promise.all([
    database.db.execute(sql`select length(${long}) as bytes, ${long} as said`),
    read('next'),
  ]);
  // it was asked for again, by another connection
  expect(answer).toMatchObject([[{ bytes: long.length }], expect.anything()]);
  expect(next).toEqual([{ said: 'next' }]);
  expect(isBroken).toBe(true);
});
