import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Listener, listen } from '../../src/http/listen.ts';
import { launchBrowser, NO_BROWSER } from '../browser/support/browser.ts';
import { PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ENDPOINT } from './support/client.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = join(REPOSITORY, 'packages/client');
const README = readFileSync(join(PACKAGE, 'README.md'), 'utf8');

const directory = mkdtempSync(join(tmpdir(), 'latchkey-react-'));

let app: TestApp;
let service: Listener;
let pages: Server;
let browser: Browser;
let page: string;

/** What differs between the libraries: the name of the README's block, and how a component asks. */
const LIBRARIES = {
  apollo: `
    import { ApolloProvider, useQuery } from '@apollo/client/react';
    export const Provider = ({ children }) => h(ApolloProvider, { client: useClient() }, children);
    export const useMe = () => useQuery(MeDocument);`,
  urql: `
    import { Provider as UrqlProvider, useQuery } from 'urql';
    export const Provider = ({ children }) => h(UrqlProvider, { value: useClient() }, children);
    export function useMe() {
      const [{ data, fetching }] = useQuery({ query: MeDocument });
      return { data, loading: fetching };
    }`,
};

/** The page: a component that shows who is signed in, over the README's client and hook. */
const script = (name: 'apollo' | 'urql') => `
  import { createElement as h } from 'react';
  import { createRoot } from 'react-dom/client';
  import { MeDocument } from '@latchkey/client/documents';
  import { latchkey, signIn } from './${name}.ts';
  import { useClient } from './use-client.ts';
  ${LIBRARIES[name]}
  const shown = [];
  function Name() {
    const { data, loading } = useMe();
    const text = loading ? 'loading' : (data?.me?.username ?? 'nobody');
    if (shown.at(-1) !== text) shown.push(text);
    return text;
  }
  Object.assign(window, { kit: { latchkey, signIn, shown } });
  createRoot(document.querySelector('main')).render(h(Provider, null, h(Name)));`;

/** A block of the README. */
function block(name: string): string {
  const [, text = ''] =
    new RegExp(`^\`\`\`ts ${name}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(README) ?? [];
  return text;
}

async function bundle(name: 'apollo' | 'urql'): Promise<string> {
  const url = `http://localhost:${service.address.port}/graphql`;
  writeFileSync(join(directory, `${name}.ts`), block(name).replaceAll(ENDPOINT, url));
  const hook = block('use-client').replace('./apollo.js', `./${name}.js`);
  writeFileSync(join(directory, 'use-client.ts'), hook);
  const { outputFiles } = await build({
    stdin: { contents: script(name), resolveDir: directory },
    alias: {
      '@latchkey/client/apollo': join(PACKAGE, 'src/apollo.ts'),
      '@latchkey/client/urql': join(PACKAGE, 'src/urql.ts'),
      '@latchkey/client/documents': join(PACKAGE, 'src/generated/documents.ts'),
      '@latchkey/client': join(PACKAGE, 'src/index.ts'),
    },
    nodePaths: [join(REPOSITORY, 'node_modules')],
    define: { 'process.env.NODE_ENV': '"production"' },
    ...{ bundle: true, format: 'iife', write: false },
  });
  return outputFiles[0]?.text ?? '';
}

describe.skipIf(NO_BROWSER)('the hook of the README', () => {
  beforeAll(async () => {
    pages = createServer();
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    page = `http://localhost:${(pages.address() as AddressInfo).port}`;
    app = await createTestApp({ env: { CORS_ORIGINS: page } });
    service = await listen(app.app.handler, { host: '127.0.0.1', port: 0, securityHeaders: {} });
    const scripts = { '/apollo': await bundle('apollo'), '/urql': await bundle('urql') };
    pages.on('request', ({ url }, response) => {
      const text = scripts[url as keyof typeof scripts] ?? '';
      const html = `<!doctype html><meta charset="utf-8"><main></main><script>${text}</script>`;
      response.writeHead(200, { 'content-type': 'text/html' }).end(html);
    });
    browser = await launchBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await service?.close(0);
    pages?.close();
    await app?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(['apollo', 'urql'])(
    'shows %s’s components whoever is signed in, and nobody before',
    async (name) => {
      const [ada, grace] = [await registerUser(app), await registerUser(app)];
      const tab = await (await browser.newContext()).newPage();
      await tab.goto(`${page}/${name}`);
      const shows = (text: string) =>
        vi.waitFor(async () => expect(await tab.textContent('main')).toBe(text), 5000);
      await shows('nobody');
      for (const { username } of [ada, grace]) {
        await tab.evaluate(`kit.signIn('${username}', '${PASSWORD}')`);
        await shows(username);
        await tab.evaluate('kit.latchkey.signOut()');
        await shows('nobody');
      }
      const shown = ['nobody', ada.username, 'nobody', grace.username, 'nobody'];
      expect(await tab.evaluate('kit.shown')).toEqual(shown.flatMap((text) => ['loading', text]));
      await tab.context().close();
    },
  );
});
