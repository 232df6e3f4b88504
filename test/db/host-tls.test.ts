import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { type HostChoice, socketsTo, writableHost } from '../../src/db/host-choice.ts';
import { createCertificate } from '../support/certificate.ts';
import { startOwnServer } from '../support/own-server.ts';

/** A server with a certificate for a name, and how the service would reach it under the name `localhost`. */
async function serverWithCertificateFor(name: string) {
  const { cert, key } = createCertificate(name);
  const server = await startOwnServer((folder) => {
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key);
    return [`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`];
  });
  const { port } = server.proxy;
  const url = `mysql://root@localhost:${port},127.0.0.1:1/mysql?tls=the-authority`;
  return { connection: connectionOptions(url, () => cert), stop: server.stop };
}

it('verifies the name of each host, also where it is one of a list', async () => {
  const { connection, stop } = await serverWithCertificateFor('localhost');
  const { db, close } = openDatabase({ connection, connections: 1, timeoutMs: 5000 });
  try {
    const [rows] = await db.execute(sql`show session status like 'Ssl_cipher'`);
    expect(rows).toMatchObject([{ Value: expect.stringMatching(/^.+/) }]);
  } finally {
    await close();
    await stop();
  }
});

it('talks to no host whose certificate is for another name', async () => {
  const { connection, stop } = await serverWithCertificateFor('elsewhere.internal');
  try {
    await expect(writableHost(connection, 1500)).rejects.toThrow(/certificate|altnames/i);
  } finally {
    await stop();
  }
});

it('has TLS look for the name of the host that a connection goes to', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const choice: Pick<HostChoice, 'whenKnown'> = {
    whenKnown(tell) {
      tell({ host: 'localhost', port });
      return () => undefined;
    },
  };
  const config = { host: 'the-first-of-the-list', port: 3306 };
  const socket = socketsTo(choice)({ config });
  await new Promise((resolve) => socket.once('close', resolve));
  expect(config).toEqual({ host: 'localhost', port });
  server.close();
});
