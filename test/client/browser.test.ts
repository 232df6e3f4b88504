import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Listener, listen } from '../../src/http/listen.ts';
import { launchBrowser, NO_BROWSER } from '../browser/support/browser.ts';
import { PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS } from './support/client.ts';

const KIT = fileURLToPath(new URL('../../packages/client/src', import.meta.url));

let app: TestApp;
let service: Listener;
let pages: Server;
let browser: Browser;
let page: string;

/** The script of the page: the kit, as an application bundles it. */
const script = (url: string) => `
  import { createLatchkey, request } from './index.ts';
  import { LoginDocument, MeDocument } from './generated/documents.ts';
  import { webStorage } from './storage.ts';
  const mode = new URLSearchParams(location.search).get('mode');
  const latchkey = createLatchkey({ url: ${JSON.stringify(url)}, mode, storage: webStorage() });
  const events = [];
  latchkey.subscribe((event) => events.push(event.type));
  const signIn = async (identifier, password) =>
    (await request(latchkey, LoginDocument, { input: { identifier, password } })).login.__typename;
  const me = async () => (await request(latchkey, MeDocument)).me?.username ?? null;
  const five = () => Promise.all([me(), me(), me(), me(), me()]);
  Object.assign(window, { kit: { latchkey, events, signIn, me, five } });`;

describe.skipIf(NO_BROWSER)('in Chromium', () => {
  beforeAll(async () => {
    pages = createServer();
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    page = `http://localhost:${(pages.address() as AddressInfo).port}`;
    app = await createTestApp({ env: { CORS_ORIGINS: page } });
    service = await listen(app.app.handler, { host: '127.0.0.1', port: 0, securityHeaders: {} });
    const { outputFiles } = await build({
      stdin: {
        contents: script(`http://localhost:${service.address.port}/graphql`),
        resolveDir: KIT,
      },
      ...{ bundle: true, format: 'iife', write: false },
    });
    const html = `<!doctype html><title>Kit</title><script>${outputFiles[0]?.text}</script>`;
    pages.on('request', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(html);
    });
    browser = await launchBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await service?.close(0);
    pages?.close();
    await app?.close();
  });

  describe.each(['bearer', 'cookie'])('three tabs in %s mode', (mode) => {
    // Chromium promises no order between the grant of a lock and a message of its last holder. On a machine that is busy for
    // a tenth of a second a tab may refresh once more, which the service answers with the same tokens.
    it('with an expired token make one refresh, and are signed out together', {
      retry: 2,
      timeout: 60_000,
    }, async () => {
      const user = await registerUser(app);
      const context = await browser.newContext();
      const tabs = [await context.newPage(), await context.newPage(), await context.newPage()];
      let refreshes = 0;
      for (const tab of tabs) {
        tab.on('request', (sent) => {
          if (sent.postData()?.includes('LatchkeyRefresh')) refreshes++;
        });
        await tab.goto(`${page}/?mode=${mode}`);
      }
      const [first, second] = tabs as [Page, Page];
      const signedIn = `kit.signIn(${JSON.stringify(user.username)}, ${JSON.stringify(PASSWORD)})`;
      expect(await first.evaluate(signedIn)).toBe('LoginSuccess');
      await vi.waitFor(async () => {
        for (const tab of tabs)
          expect(await tab.evaluate('kit.latchkey.getState()')).toBe('signed-in');
      });
      const stored = () =>
        Promise.all(tabs.map((tab) => tab.evaluate('JSON.stringify(localStorage)')));
      for (const round of [1, 2, 3]) {
        // tabs see what another has written within milliseconds, of the minutes that a token is good: this clock leaps
        await vi.waitFor(async () => expect(new Set(await stored()).size).toBe(1));
        app.clock.advance(ACCESS_SECONDS + 1);
        const answers = await Promise.all(tabs.map((tab) => tab.evaluate('kit.five()')));
        expect(answers.flat()).toEqual(Array(15).fill(user.username));
        expect(refreshes).toBe(round);
      }
      const kept = String(await first.evaluate('JSON.stringify(localStorage) + document.cookie'));
      expect(kept.includes('accessToken')).toBe(mode === 'bearer');
      // the start of every access token
      expect(kept.includes('eyJ')).toBe(mode === 'bearer');

      await second.evaluate('kit.latchkey.signOut()');
      await vi.waitFor(async () => {
        for (const tab of tabs)
          expect(await tab.evaluate('kit.latchkey.getState()')).toBe('signed-out');
      });
      for (const tab of tabs) {
        expect(
          await tab.evaluate('kit.events.filter((type) => type === "signed-out").length'),
        ).toBe(1);
        expect(await tab.evaluate('kit.me()')).toBeNull();
      }
      expect(refreshes).toBe(3);
      await context.close();
    });
  });
});
