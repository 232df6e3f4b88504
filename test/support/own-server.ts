import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionOptions } from '../../src/db/connection.ts';
import { startEmbeddedDatabase } from '../../src/db/embedded.ts';
import { startProxyTo, type TcpProxy } from './tcp-proxy.ts';

/** A MariaDB that a test has for itself, so that it may do what others would notice. */
export interface OwnServer {
  /** As who may do everything, by its socket. */
  url: string;
  /** The way to it by TCP. */
  proxy: TcpProxy;
  stop(): Promise<void>;
}

/** @param more options for `mariadbd`, by the folder of its own */
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
