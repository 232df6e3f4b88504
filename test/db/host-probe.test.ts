import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHostProbe } from '../../src/db/host-probe.ts';
import { createDatabase, dropDatabase, newDatabaseUrl } from '../support/database.ts';
import { startHalfOpenServer } from '../support/half-open-server.ts';

const url = newDatabaseUrl();
beforeAll(() => createDatabase(url));
afterAll(() => dropDatabase(url));

it('holds no socket to a host that fell silent, and never hangs up', async () => {
  const server = await startHalfOpenServer(url);
  const opened: Socket[] = [];
  const stream = () => {
    const socket = connect(server.place);
    opened.push(socket);
    return socket;
  };
  const probe = createHostProbe({ ...server.login, stream }, server.place, 500);
  expect(await probe.look()).toBe('open');
  server.fallSilent();
  expect(await probe.look()).toBe('closed');
  expect(opened.map((socket) => socket.destroyed)).toEqual([true]);
  probe.close();
  await server.stop();
});
