import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connectionOptions } from '../../src/db/connection.ts';

/** Stands between the service and its database, and fails as networks do. */
export interface TcpProxy {
  /** The URL of the same database, through the proxy. */
  databaseUrl: string;
  /** Breaks all connections, and new ones at once. */
  cut(): void;
  /** Lets nothing through any more, in either direction, and tells nobody. */
  blackHole(): void;
  restore(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(databaseUrl: string): Promise<TcpProxy> {
  const { host = 'localhost', port = 3306, socketPath } = connectionOptions(databaseUrl, () => '');
  let state: 'open' | 'cut' | 'silent' = 'open';
  const sockets = new Set<Socket>();

  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (state === 'cut') return void client.destroy();
    const database = connect(socketPath === undefined ? { host, port } : { path: socketPath });
    keep(database);
    // what is lost in the black hole is lost for good, as in a real one
    const pass = (from: Socket, to: Socket) => {
      from.on('data', (bytes) => state === 'open' && to.write(bytes));
      from.on('close', () => to.destroy());
    };
    pass(client, database);
    pass(database, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  url.searchParams.delete('socketPath');
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    databaseUrl: url.toString(),
    cut() {
      state = 'cut';
      drop();
    },
    blackHole() {
      state = 'silent';
    },
    restore() {
      // connections that lost something on the way are no good any more
      if (state === 'silent') drop();
      state = 'open';
    },
    close() {
      drop();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
