import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latchkeyLink, possibleTypes } from '../../packages/client/src/apollo.ts';
import {
  DeleteAccountDocument,
  LoginDocument,
  LogoutDocument,
  MeDocument,
} from '../../packages/client/src/generated/documents.ts';
import {
  type Latchkey,
  type LatchkeyOptions,
  problemOf,
  request,
  type TypedDocument,
} from '../../packages/client/src/index.ts';
import { latchkeyExchange } from '../../packages/client/src/urql.ts';
import { PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS, createClient, ENDPOINT, endSessions, twenty } from './support/client.ts';
import { refusal, type Wire } from './support/wire.ts';

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** A client library over the kit, asked for what differs between them: data, or the error it gives. */
interface Asking {
  ask<R, V extends object>(document: TypedDocument<R, V>, variables: V): Promise<R>;
}

type Library = (latchkey: Latchkey, wire: Wire, url?: string) => Asking;

const apollo: Library = (latchkey, wire, uri = ENDPOINT) => {
  const client = new ApolloClient({
    link: ApolloLink.from([latchkeyLink(latchkey), new HttpLink({ uri, fetch: wire.fetch })]),
    cache: new InMemoryCache({ possibleTypes }),
    defaultOptions: { query: { fetchPolicy: 'network-only' } },
    // twenty of the same at once shall be twenty
    queryDeduplication: false,
  });
  return {
    async ask<R, V extends object>(document: TypedDocument<R, V>, variables: V) {
      const isMutation = document.definitions[0].operation === 'mutation';
      const { data } = isMutation
        ? await client.mutate({ mutation: document, variables })
        : await client.query({ query: document, variables });
      return data as R;
    },
  };
};

const urql: Library = (latchkey, wire, url = ENDPOINT) => {
  // urql makes one of those that are the same at once; each operation here has a client of its own over the same session
  return {
    async ask<R, V extends object>(document: TypedDocument<R, V>, variables: V) {
      const client = new Client({
        url,
        fetch: wire.fetch,
        preferGetMethod: false,
        exchanges: [cacheExchange, latchkeyExchange(latchkey), fetchExchange],
      });
      const isMutation = document.definitions[0].operation === 'mutation';
      const result = isMutation
        ? await client.mutation(document, variables)
        : await client.query(document, variables);
      if (result.error) throw result.error;
      return result.data as R;
    },
  };
};

const plain: Library = (latchkey, _wire, url = ENDPOINT) => ({
  ask: (document, variables) => request(latchkey, document as never, variables, { url }),
});

describe.each(Object.entries({ apollo, urql, plain }))('%s', (_name, library) => {
  async function signedIn(options: Partial<LatchkeyOptions> = {}) {
    const { latchkey, wire, events } = createClient(app, options);
    const client = library(latchkey, wire);
    const user = await registerUser(app);
    const input = { identifier: user.username, password: PASSWORD };
    const { login } = await client.ask(LoginDocument, { input });
    expect(login).toMatchObject({ __typename: 'LoginSuccess', user: { id: user.id } });
    events.length = 0;
    wire.sent.length = 0;
    return { wire, latchkey, user, events, ...client };
  }

  it('answers twenty operations after one refresh', async () => {
    const { ask, wire, user, events } = await signedIn();
    app.clock.advance(ACCESS_SECONDS + 1);
    const answers = await twenty(() => ask(MeDocument, {}));
    expect(answers.map(({ me }) => me?.username)).toEqual(Array(20).fill(user.username));
    expect([wire.count('LatchkeyRefresh'), wire.count('Me')]).toEqual([1, 40]);
    expect(events).toEqual([]);
  });

  it('refreshes before twenty operations when it knows that it must', async () => {
    let ahead = 0;
    const { ask, wire, user } = await signedIn({ now: () => Date.now() + ahead });
    app.clock.advance(ACCESS_SECONDS + 1);
    ahead = ACCESS_SECONDS * 1000;
    const answers = await twenty(() => ask(MeDocument, {}));
    expect(answers.map(({ me }) => me?.username)).toEqual(Array(20).fill(user.username));
    expect([wire.count('LatchkeyRefresh'), wire.count('Me')]).toEqual([1, 20]);
  });

  it('signs out once when the refresh is refused, and goes on without a session', async () => {
    const { ask, wire, user, events, latchkey } = await signedIn();
    await endSessions(app, user);
    const failures = await twenty(() => ask(MeDocument, {}).catch((error) => error));
    expect(failures.map(problemOf)).toEqual(
      Array(20).fill({ code: 'UNAUTHENTICATED', retryAfter: null }),
    );
    expect([wire.count('LatchkeyRefresh'), wire.count('Me')]).toEqual([1, 20]);
    expect(events).toEqual([{ type: 'signed-out', reason: 'ended' }]);
    expect(latchkey.getState()).toBe('signed-out');
    expect((await ask(MeDocument, {})).me).toBeNull();
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });

  it('repeats an operation once and no more', async () => {
    const { ask, wire } = await signedIn();
    wire.replace('Me', () => refusal('UNAUTHENTICATED', 0));
    const failure = await ask(MeDocument, {}).catch((error) => error);
    expect(problemOf(failure)?.code).toBe('UNAUTHENTICATED');
    expect([wire.count('LatchkeyRefresh'), wire.count('Me')]).toEqual([1, 2]);
  });

  it('repeats what another API refuses by its status', async () => {
    const { ask, wire, user } = await signedIn();
    wire.replace('Me', () => {
      wire.restore('Me');
      return Response.json({ message: 'no' }, { status: 401 });
    });
    expect((await ask(MeDocument, {})).me?.id).toBe(user.id);
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });

  it('gives the code and the wait of a limit, and does not ask again', async () => {
    const { ask, wire } = await signedIn();
    wire.replace('Me', () => refusal('RATE_LIMITED', 12));
    const failure = await ask(MeDocument, {}).catch((error) => error);
    expect(problemOf(failure)).toEqual({ code: 'RATE_LIMITED', retryAfter: 12 });
    expect(wire.count('Me')).toBe(1);
  });

  it('gives the reason when the refresh gets no answer, and signs nobody out', async () => {
    const { ask, wire, events } = await signedIn();
    app.clock.advance(ACCESS_SECONDS + 1);
    wire.replace('LatchkeyRefresh', () => refusal('OVERLOADED', 3));
    const failure = await ask(MeDocument, {}).catch((error) => error);
    expect(problemOf(failure)).toEqual({ code: 'OVERLOADED', retryAfter: 3 });
    expect(events).toEqual([]);
  });

  it('notices a sign-out and a deleted account', async () => {
    const first = await signedIn();
    await first.ask(LogoutDocument, {});
    expect(first.events).toEqual([{ type: 'signed-out', reason: 'asked' }]);
    const second = await signedIn();
    const input = { confirm: true, currentPassword: PASSWORD };
    await second.ask(DeleteAccountDocument, { input });
    expect(second.latchkey.getState()).toBe('signed-out');
    expect((await second.ask(MeDocument, {})).me).toBeNull();
  });

  it('has failures with their code and message', async () => {
    const { ask } = await signedIn();
    const input = { identifier: 'nobody', password: 'wrong' };
    const { login } = await ask(LoginDocument, { input });
    expect(login).toMatchObject({
      __typename: 'InvalidCredentials',
      code: 'INVALID_CREDENTIALS',
      message: expect.any(String),
    });
  });

  it('works with cookies, which no script sees', async () => {
    const { ask, wire, user, latchkey, events } = await signedIn({ mode: 'cookie' });
    expect([...wire.cookies.keys()].sort()).toEqual([
      'latchkey-access',
      'latchkey-device',
      'latchkey-refresh',
    ]);
    app.clock.advance(ACCESS_SECONDS + 1);
    const answers = await twenty(() => ask(MeDocument, {}));
    expect(answers.map(({ me }) => me?.username)).toEqual(Array(20).fill(user.username));
    expect([wire.count('LatchkeyRefresh'), wire.count('Me')]).toEqual([1, 40]);
    for (const { headers, credentials } of wire.sent) {
      expect(headers.get('x-csrf-protection')).toBe('1');
      expect(headers.get('authorization')).toBeNull();
      expect(credentials).toBe('include');
    }
    expect(await latchkey.accessToken()).toBeNull();
    await latchkey.signOut();
    expect([...wire.cookies.keys()]).toEqual(['latchkey-device']);
    expect(events).toEqual([{ type: 'signed-out', reason: 'asked' }]);
  });
});

describe('urql', () => {
  it('runs many operations of one client, and leaves those alone that nobody waits for', async () => {
    const { latchkey, wire } = createClient(app);
    await latchkey.signIn(await registerUser(app));
    const client = new Client({
      url: ENDPOINT,
      fetch: wire.fetch,
      preferGetMethod: false,
      exchanges: [latchkeyExchange(latchkey), fetchExchange],
    });
    app.clock.advance(ACCESS_SECONDS + 1);
    const first = client.query('query A { me { id } }', {}).toPromise();
    const second = client.query('query B { me { email } }', {}).toPromise();
    client
      .query('query C { me { role } }', {})
      .subscribe(() => {})
      .unsubscribe();
    const [a, b] = await Promise.all([first, second]);
    expect([a.error, b.error]).toEqual([undefined, undefined]);
    expect(b.data.me.email).toContain('@example.com');
    expect([wire.count('A'), wire.count('B'), wire.count('C')]).toEqual([2, 2, 0]);
  });
});
