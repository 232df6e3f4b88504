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
  /** Breaks all connections, and new ones, as soon as the client has sent what matches. What it sent until then still arrives. */
  cutAfter(pattern: RegExp): void;
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
  let state: 'open' | 'cut' | 'silent' = 'open';
  let last: RegExp | null = null;
  let refused = 0;
  const sockets = new Set<Socket>();

  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    keep(client);
    if (state === 'cut') {
      refused++;
      return void client.destroy();
    }
    const upstream = connect(target);
    keep(upstream);
    let sent = '';
    let alone = false;
    // what is lost in the black hole is lost for good, as in a real one
    client.on('data', (bytes) => {
      if (state !== 'open') return;
      if (last === null) return void upstream.write(bytes);
      const before = sent.length;
      sent += bytes.toString('latin1');
      const match = last.exec(sent);
      if (match === null) return void upstream.write(bytes);
      // the server is left alone with it: of a cable that was pulled nobody tells it
      state = 'cut';
      upstream.write(bytes.subarray(0, match.index + match[0].length - before));
      alone = true;
      client.destroy();
    });
    upstream.on('data', (bytes) => state === 'open' && client.write(bytes));
    client.on('close', () => alone || upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut';
      drop();
    },
    refused: () => refused,
    blackHole() {
      state = 'silent';
    },
    cutAfter(pattern) {
      last = pattern;
    },
    restore() {
      // connections that lost something on the way are no good any more
      if (state !== 'open') drop();
      state = 'open';
      last = null;
    },
    close() {
      drop();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
