import {
  type AddressInfo,
  connect,
  createServer,
  type NetConnectOpts,
  type Socket,
} from 'node:net';
import { connectionOptions } from '../../src/db/connection.ts';

/** Stands between the service and a server, and fails as networks do. */
export interface TcpProxy {
  port: number;
  /** Breaks all connections, and new ones at once. */
  cut(): void;
  /** How many connections were broken as soon as they were made. */
  refused(): number;
  /** Lets nothing through any more, in either direction, and tells nobody. */
  blackHole(): void;
  /** The same for the connections that are open, as by a firewall that has forgotten them; new ones work. */
  forget(): void;
  /** The same by a reset, as from a machine that knows nothing of them any more. */
  reset(): void;
  /** Breaks each connection, and new ones, once so many more bytes of answers have come over it: in the middle of whatever that is. */
  cutAfterBytes(count: number): void;
  /** Lets everything through so much later, in both directions. */
  slow(ms: number): void;
  /** How many connections are open. */
  connections(): number;
  /** Breaks all connections, and new ones, as soon as the client has sent what matches. What it sent until then still arrives. */
  cutAfter(pattern: RegExp): void;
  /** The same of the first connection on which the client does, and of no other. */
  cutOne(pattern: RegExp): void;
  /** Falls silent as soon as the client has sent what matches, and tells nobody. */
  silentAfter(pattern: RegExp): void;
  /** Changes what the server says, piece by piece as it comes. */
  tamper(change: (said: Buffer) => Buffer): void;
  restore(): void;
  close(): Promise<void>;
}

/** A proxy in front of the tests' database, and the URL of the same database through it. */
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
    // what is lost in the black hole is lost for good, as in a real one
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
      // the server is left alone with it: of a cable that was pulled nobody tells it
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
  /** In its order: timers of the same length fire in the order in which they were set. */
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
      // connections that lost something on the way are no good any more
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
