import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { createHostProbe } from '../../src/db/host-probe.ts';
import { createDatabase, dropDatabase, newDatabaseUrl } from '../support/database.ts';

const url = newDatabaseUrl();
beforeAll(() => createDatabase(url));
afterAll(() => dropDatabase(url));

it('holds no socket to a host that fell silent, and never hangs up', async () => {
  const { host = 'localhost', port, socketPath, ...login } = connectionOptions(url, () => '');
  let isSilent = false;
  const sockets: Socket[] = [];
  const kept = (socket: Socket) => {
    sockets.push(socket);
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(
      socketPath === undefined ? { host, port: port ?? 3306 } : { path: socketPath },
    );
    kept(client).on('data', (bytes) => isSilent || upstream.write(bytes));
    kept(upstream).on('data', (bytes) => isSilent || client.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const place = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const opened: Socket[] = [];
  const stream = () => {
    const socket = kept(connect(place));
    opened.push(socket);
    return socket;
  };
  const probe = createHostProbe({ ...login, stream }, place, 500);
  expect(await probe.look()).toBe('open');
  isSilent = true;
  expect(await probe.look()).toBe('closed');
  expect(opened.map((socket) => socket.destroyed)).toEqual([true]);
  probe.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
