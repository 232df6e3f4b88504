import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connectionOptions } from '../../src/db/connection.ts';

/**
 * A proxy to the database server that can fall silent like a frozen machine: it accepts data, answers nothing and never
 * closes a connection.
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
    /** The credentials, wherever the server is. */
    login,
    place: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    fallSilent() {
      isSilent = true;
      // only the service's own connections may keep the process alive
      for (const socket of sockets) socket.unref();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
