import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionOptions } from '../../src/db/connection.ts';
import { startEmbeddedDatabase } from '../../src/db/embedded.ts';
import { startProxyTo, type TcpProxy } from './tcp-proxy.ts';

/** A MariaDB of a test's own, so that the test may do things that would disturb other tests. */
export interface OwnServer {
  /** Connects with all rights, by the server's socket. */
  url: string;
  /** The server's URL over TCP. */
  proxy: TcpProxy;
  stop(): Promise<void>;
}

/** @param more returns further options for `mariadbd`, given the server's folder */
export async function startOwnServer(
  more: (folder: string) => string[] = () => [],
): Promise<OwnServer> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'latchkey-own-'));
  const fast = ['--innodb-flush-log-at-trx-commit=0', '--innodb-flush-method=nosync'];
  const serverOptions = [...fast, ...more(dataDirectory)];
  const server = await startEmbeddedDatabase({ dataDirectory, log: () => {}, serverOptions });
  const { socketPath = '' } = connectionOptions(server.url, () => '');
  const proxy = await startProxyTo({ path: socketPath });
  return {
    url: server.url,
    proxy,
    async stop() {
      await proxy.close();
      await server.stop();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
