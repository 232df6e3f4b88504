import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connectionOptions } from '../../src/db/connection.ts';

/**
 * A way to a database server that can fall silent as a machine that stands still does: it takes what comes, answers
 * nothing, and never hangs up.
 */
export async function startHalfOpenServer(databaseUrl: string) {
  const { host, port, socketPath, ...login } = connectionOptions(databaseUrl, () => '');
  const target = socketPath === undefined ? { host, port: port ?? 3306 } : { path: socketPath };
  const sockets: Socket[] = [];
  let isSilent = false;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(target);
    sockets.push(client, upstream);
    client.on('data', (bytes) => isSilent || upstream.write(bytes));
    upstream.on('data', (bytes) => isSilent || client.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    /** How to sign in, wherever the server is. */
    login,
    place: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    fallSilent() {
      isSilent = true;
      // the test's own end of each connection is none that the service holds
      for (const socket of sockets) socket.unref();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
