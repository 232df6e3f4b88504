import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { DataDirectoryInUseError } from '../../src/db/data-directory-lock.ts';
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../../src/db/embedded.ts';
import { processCommand, processStart } from '../../src/db/process-identity.ts';
import { type Child, startChild } from '../support/child.ts';

let dataDirectory: string;
let running: EmbeddedDatabase[];
let children: Child[];

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'latchkey-embedded-'));
  running = [];
  children = [];
});

afterEach(async () => {
  for (const database of running) await database.stop();
  for (const child of children) child.kill('SIGKILL');
  await vi.waitFor(() => expect(serverStart()).toBeNull(), { timeout: 5_000 });
  rmSync(dataDirectory, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startEmbeddedDatabase>[0]> = {}) {
  const database = await startEmbeddedDatabase({ dataDirectory, log: () => {}, ...options });
  running.push(database);
  return database;
}

function startOwner(): Child {
  const child = startChild('run-embedded.ts', [dataDirectory]);
  children.push(child);
  return child;
}

function serverPid(): number {
  const file = join(dataDirectory, 'mariadb.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

/** `null` when no server runs on the data directory. */
function serverStart(): string | null {
  const pid = serverPid();
  return pid > 0 && processCommand(pid).includes(dataDirectory) ? processStart(pid) : null;
}

async function connected<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const { database: _, ...server } = connectionOptions(url, () => '');
  const connection = await createConnection(server);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

async function read(url: string, sql: string): Promise<Record<string, unknown> | undefined> {
  const [rows] = await connected(url, (connection) => connection.query<RowDataPacket[]>(sql));
  return rows[0];
}

async function keepNote(url: string): Promise<void> {
  await connected(url, async (connection) => {
    await connection.query('CREATE DATABASE notes');
    await connection.query('CREATE TABLE notes.notes (note varchar(20))');
    await connection.query("INSERT INTO notes.notes VALUES ('kept')");
  });
}

function readNote(url: string) {
  return read(url, 'SELECT note FROM notes.notes');
}

test('starts on an empty directory, stops, and keeps its data', async () => {
  const first = await start();
  await keepNote(first.url);
  await first.stop();
  expect(serverStart()).toBeNull();
  await expect(readNote(first.url)).rejects.toThrow();
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(await readNote(second.url)).toEqual({ note: 'kept' });
});

test('is reachable by its owner alone, and stores any character', async () => {
  const { url } = await start();
  expect(
    await read(url, 'SELECT @@skip_networking AS offline, @@character_set_server AS charset'),
  ).toEqual({ offline: 1, charset: 'utf8mb4' });
  expect(await read(url, "SELECT count(*) AS n FROM mysql.user WHERE Host <> 'localhost'")).toEqual(
    {
      n: 0,
    },
  );
  const socket = new URL(url).searchParams.get('socketPath') ?? '';
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
});

test('puts the socket elsewhere when the path of the data directory is too long for one', async () => {
  const deep = join(dataDirectory, 'a'.repeat(120));
  const { url, stop } = await start({ dataDirectory: deep });
  const socket = new URL(url).searchParams.get('socketPath') ?? '';
  expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(100);
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
  expect(await read(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  await stop();
  rmSync(dirname(socket), { recursive: true });
});

test('refuses to start twice on one directory and leaves the first alone', async () => {
  const { url } = await start();
  await expect(start()).rejects.toThrow(DataDirectoryInUseError);
  const second = startOwner();
  expect(await second.line('DataDirectoryInUseError')).toContain(`process ${process.pid}`);
  expect(await read(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
});

test('is back on the same socket, with its data, after the server was killed', async () => {
  const lines: string[] = [];
  const { url } = await start({ log: (line) => lines.push(line) });
  await keepNote(url);
  for (const _ of [1, 2]) {
    const pid = serverPid();
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(serverPid()).not.toBe(pid), { timeout: 5_000 });
    await vi.waitFor(async () => expect(await readNote(url)).toEqual({ note: 'kept' }), {
      timeout: 5_000,
    });
  }
  expect(lines).toContain('MariaDB has ended unexpectedly (SIGKILL); starting it again');
});

test('gives up on a server that does not start any more, and says so', async () => {
  const lines: string[] = [];
  const givenUp = vi.fn();
  await start({ log: (line) => lines.push(line), onGivenUp: givenUp });
  const tables = join(dataDirectory, 'database');
  rmSync(tables, { recursive: true });
  mkdirSync(tables);
  process.kill(serverPid(), 'SIGKILL');
  await vi.waitFor(() => expect(givenUp).toHaveBeenCalledOnce(), { timeout: 20_000 });
  expect(lines.at(-1)).toMatch(/ended 6 times in a row .* not started again/);
  expect(lines.join('\n')).toContain('[ERROR]');
}, 30_000);

test('can be stopped while it is being restarted', async () => {
  const database = await start();
  process.kill(serverPid(), 'SIGKILL');
  await sleep(20);
  await database.stop();
  expect(serverStart()).toBeNull();
});

test('ends with a service that was killed; the next one finds all that was committed', async () => {
  const owner = startOwner();
  const url = (await owner.line('ready')).slice('ready '.length);
  await keepNote(url);
  owner.kill('SIGKILL');
  await owner.exited;
  // At once: the server of the first is still on its way out.
  const next = await start();
  expect(await readNote(next.url)).toEqual({ note: 'kept' });
});

test('ends with a service that was killed even if no other follows', async () => {
  const owner = startOwner();
  await owner.line('ready');
  expect(serverStart()).not.toBeNull();
  owner.kill('SIGKILL');
  await vi.waitFor(() => expect(serverStart()).toBeNull(), { timeout: 5_000 });
});

test('begins anew when the creation of the database was cut off by a kill', async () => {
  for (const delay of [0, 40, 120]) {
    const owner = startOwner();
    await owner.line('Creating a database');
    await sleep(delay);
    owner.kill('SIGKILL');
    await owner.exited;
  }
  const { url } = await start();
  expect(await read(url, "SELECT count(*) AS n FROM mysql.user WHERE User = 'root'")).toEqual({
    n: 1,
  });
});

test('says what the server said when it cannot start', async () => {
  await expect(start({ serverOptions: ['--no-such-option'] })).rejects.toThrow(/no-such-option/);
  await (await start()).stop();
});
