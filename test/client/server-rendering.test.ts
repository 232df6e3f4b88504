import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { ApolloProvider, useQuery } from '@apollo/client/react';
import { prerenderStatic } from '@apollo/client/react/ssr';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import {
  Client,
  cacheExchange,
  fetchExchange,
  Provider,
  ssrExchange,
  useQuery as useUrqlQuery,
} from 'urql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latchkeyLink, possibleTypes } from '../../packages/client/src/apollo.ts';
import { MeDocument } from '../../packages/client/src/generated/documents.ts';
import { request, type ServerRequest } from '../../packages/client/src/index.ts';
import { latchkeyExchange } from '../../packages/client/src/urql.ts';
import { createBrowser } from '../attack/support/browser.ts';
import { newName, PASSWORD } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS, createClient, ENDPOINT } from './support/client.ts';

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** A browser with the cookies of somebody, and what a page server makes of its request. */
async function visitor() {
  const browser = createBrowser(app);
  const username = newName();
  await browser.register({
    email: `${username}@example.com`,
    username,
    password: PASSWORD,
    cookies: true,
  });
  const cookie = () => [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return {
    username,
    browser,
    serve(more: Partial<ServerRequest> = {}) {
      const server = { headers: { cookie: cookie() }, ...more };
      return createClient(app, { mode: 'cookie', server });
    },
  };
}

function ApolloGreeting() {
  const { data } = useQuery(MeDocument);
  return createElement('p', null, `Hello ${data?.me?.username ?? 'stranger'}`);
}

function UrqlGreeting() {
  const [{ data }] = useUrqlQuery({ query: MeDocument });
  return createElement('p', null, `Hello ${data?.me?.username ?? 'stranger'}`);
}

describe('a page server', () => {
  it('renders with Apollo Client whoever asks, two at the same time', async () => {
    const people = [await visitor(), await visitor()];
    const pages = people.map(async ({ serve }) => {
      const { latchkey, wire } = serve();
      const client = new ApolloClient({
        ssrMode: true,
        link: ApolloLink.from([
          latchkeyLink(latchkey),
          new HttpLink({ uri: ENDPOINT, fetch: wire.fetch }),
        ]),
        cache: new InMemoryCache({ possibleTypes }),
      });
      const tree = createElement(ApolloProvider, {
        client,
        children: createElement(ApolloGreeting),
      });
      const { result } = await prerenderStatic({
        tree,
        context: { client },
        renderFunction: renderToString,
      });
      return result;
    });
    expect(await Promise.all(pages)).toEqual(
      people.map(({ username }) => `<p>Hello ${username}</p>`),
    );
  });

  it('renders with urql whoever asks', async () => {
    const { serve, username } = await visitor();
    const { latchkey, wire } = serve();
    const client = new Client({
      url: ENDPOINT,
      fetch: wire.fetch,
      preferGetMethod: false,
      exchanges: [cacheExchange, ssrExchange(), latchkeyExchange(latchkey), fetchExchange],
    });
    await client.query(MeDocument, {});
    const html = renderToString(
      createElement(Provider, { value: client }, createElement(UrqlGreeting)),
    );
    expect(html).toBe(`<p>Hello ${username}</p>`);
  });

  it('leaves an expired token to the browser, where it cannot hand on the new one', async () => {
    const { serve, browser, username } = await visitor();
    app.clock.advance(ACCESS_SECONDS + 1);
    const { latchkey, wire } = serve();
    await expect(request(latchkey, MeDocument)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wire.count('LatchkeyRefresh')).toBe(0);
    app.clock.advance(60);
    await browser.send('mutation { refresh { __typename } }');
    expect((await browser.send('{ me { username } }')).answer.data.me.username).toBe(username);
  });

  it('refreshes where it can, once for all of the page, and hands the cookies on', async () => {
    const { serve, browser, username } = await visitor();
    app.clock.advance(ACCESS_SECONDS + 1);
    const setCookies = (values: string[]) => {
      for (const value of values) {
        const [name = '', text = ''] = (value.split(';')[0] ?? '').split('=');
        browser.cookies.set(name, text);
      }
    };
    const { latchkey, wire } = serve({ setCookies });
    const answers = await Promise.all([1, 2, 3].map(() => request(latchkey, MeDocument)));
    expect(answers.map(({ me }) => me?.username)).toEqual(Array(3).fill(username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    app.clock.advance(60);
    // the browser has what the server was given, so nothing looks stolen
    const { answer } = await browser.send('{ me { username } }');
    expect(answer.data.me.username).toBe(username);
  });

  it('shares nothing between requests, whatever globals it has', async () => {
    const [ada, grace] = [await visitor(), await visitor()];
    const first = ada.serve();
    const second = grace.serve();
    await first.latchkey.signOut();
    expect((await request(second.latchkey, MeDocument)).me?.username).toBe(grace.username);
    expect(second.latchkey.getState()).toBe('unknown');
  });
});
