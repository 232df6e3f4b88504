import {
  type AddressInfo,
  connect,
  createServer,
  type NetConnectOpts,
  type Socket,
} from 'node:net';
import { connectionOptions } from '../../src/db/connection.ts';

/** A proxy between the service and a server that can fail in the ways networks do. */
export interface TcpProxy {
  port: number;
  /** Breaks all connections, and every new one at once. */
  cut(): void;
  /** The number of new connections that were broken at once. */
  refused(): number;
  /** Silently drops all data from now on, in both directions. */
  blackHole(): void;
  /** Silently drops all data of the open connections, as a firewall does that has forgotten them; new ones work. */
  forget(): void;
  /** Like `cut`, but by a TCP reset, as from a machine that no longer knows the connections. */
  reset(): void;
  /** Breaks each connection, old or new, after this many more bytes of answers, even in the middle of an answer. */
  cutAfterBytes(count: number): void;
  /** Delays all data by this long, in both directions. */
  slow(ms: number): void;
  /** The number of open connections. */
  connections(): number;
  /** Breaks a connection, and all new ones, once the client has sent a match. What it sent up to there still arrives. */
  cutAfter(pattern: RegExp): void;
  /** Like `cutAfter`, but breaks only the first connection on which the client sends a match. */
  cutOne(pattern: RegExp): void;
  /** Silently drops all data once the client has sent a match. */
  silentAfter(pattern: RegExp): void;
  /** Changes the answers of the server, piece by piece as they come. */
  tamper(change: (said: Buffer) => Buffer): void;
  restore(): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of the tests' database. Its `databaseUrl` is that database through the proxy. */
export async function startTcpProxy(
  databaseUrl: string,
): Promise<TcpProxy & { databaseUrl: string }> {
  const { host = 'localhost', port = 3306, socketPath } = connectionOptions(databaseUrl, () => '');
  const proxy = await startProxyTo(
    socketPath === undefined ? { host, port } : { path: socketPath },
  );
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${proxy.port}`;
  url.searchParams.delete('socketPath');
  return { ...proxy, databaseUrl: url.toString() };
}

export async function startProxyTo(target: NetConnectOpts): Promise<TcpProxy> {
  let state: 'open' | 'cut' | 'reset' | 'silent' = 'open';
  let last: RegExp | null = null;
  let then: 'cut' | 'cut this one' | 'fall silent' = 'cut';
  let allowance: number | null = null;
  let latencyMs = 0;
  let change: (said: Buffer) => Buffer = (said) => said;
  let refused = 0;
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  let forgotten = new WeakSet<Socket>();

  const keep = (socket: Socket, among: Set<Socket>) => {
    among.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => among.delete(socket));
  };
  const drop = () => {
    for (const client of clients) {
      if (state === 'reset') client.resetAndDestroy();
      else client.destroy();
    }
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    keep(client, clients);
    if (state === 'cut' || state === 'reset') {
      refused++;
      return void (state === 'reset' ? client.resetAndDestroy() : client.destroy());
    }
    const upstream = connect(target);
    keep(upstream, sockets);
    let sent = '';
    let answered = 0;
    let allowedFrom: number | null = null;
    let alone = false;
    // data that arrives meanwhile is lost for good, as in a real black hole
    client.on('data', (bytes) => {
      if (state !== 'open' || forgotten.has(client)) return;
      if (last === null) return later(() => upstream.write(bytes));
      const before = sent.length;
      sent += bytes.toString('latin1');
      const match = last.exec(sent);
      if (match === null) return later(() => upstream.write(bytes));
      if (then === 'fall silent') {
        state = 'silent';
        return;
      }
      // keep the server's side open: nobody tells a server that a cable was pulled
      if (then === 'cut this one') last = null;
      else state = 'cut';
      upstream.write(bytes.subarray(0, match.index + match[0].length - before));
      alone = true;
      client.destroy();
    });
    upstream.on('data', (said) => {
      if (state !== 'open') return;
      const bytes = change(said);
      if (allowance === null) {
        allowedFrom = null;
        answered += bytes.length;
        return later(() => client.write(bytes));
      }
      allowedFrom ??= answered;
      const allowed = allowedFrom + allowance - answered;
      answered += bytes.length;
      if (bytes.length <= allowed) return later(() => client.write(bytes));
      client.end(bytes.subarray(0, Math.max(0, allowed)), () => client.destroy());
      upstream.destroy();
    });
    client.on('close', () => alone || upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  /** Keeps the order: timers of the same length fire in the order in which they were set. */
  function later(write: () => void): void {
    if (latencyMs === 0) write();
    else setTimeout(write, latencyMs);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut';
      drop();
    },
    reset() {
      state = 'reset';
      drop();
    },
    refused: () => refused,
    connections: () => clients.size,
    blackHole() {
      state = 'silent';
    },
    forget() {
      forgotten = new WeakSet(clients);
    },
    cutAfter(pattern) {
      [last, then] = [pattern, 'cut'];
    },
    cutOne(pattern) {
      [last, then] = [pattern, 'cut this one'];
    },
    silentAfter(pattern) {
      [last, then] = [pattern, 'fall silent'];
    },
    cutAfterBytes(count) {
      allowance = count;
    },
    slow(ms) {
      latencyMs = ms;
    },
    tamper(by) {
      change = by;
    },
    restore() {
      change = (said) => said;
      // connections that have lost data are unusable
      if (state !== 'open') drop();
      state = 'open';
      last = null;
      allowance = null;
      latencyMs = 0;
    },
    close() {
      drop();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
