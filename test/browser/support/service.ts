import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestApp, type TestApp } from '../../support/app.ts';

/** The whole service, as a browser reaches it. */
export interface Service extends TestApp {
  url: string;
}

/** Starts the service on a port of its own. Its clock is the test's, so that tokens expire when the test wants it. */
export async function startService(env: Record<string, string> = {}): Promise<Service> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const service = await createTestApp({ env: { PUBLIC_URL: url, ...env } });
  server.on('request', service.app.handler);
  return {
    ...service,
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await service.close();
    },
  };
}
