import { type App, createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Overrides } from '../../src/services.ts';
import { createTestClock, type TestClock } from './clock.ts';
import { dropDatabase, newDatabaseUrl } from './database.ts';
import { dropServiceUser, serviceUrl } from './service-user.ts';

/** A GraphQL response as a client reads it. */
export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever they asked for
  data: any;
  errors?: { message: string; path?: string[]; extensions: Record<string, unknown> }[];
}

/** How to send a request. */
export interface Sending {
  token?: string;
  headers?: Record<string, string>;
  /** The client's IP address, as the socket reports it. */
  from?: string;
}

/** The whole service on its own database, called as a client would call it. */
export interface TestApp {
  app: App;
  clock: TestClock;
  /** A connection with all rights; the service's own user has few. */
  databaseUrl: string;
  /** The number of passwords hashed or verified so far. */
  hashes(): number;
  post(body: unknown, sending?: Sending): Promise<Response>;
  gql(query: string, variables?: Record<string, unknown>, sending?: Sending): Promise<Answer>;
  close(): Promise<void>;
}

export interface TestAppOptions {
  env?: Record<string, string>;
  overrides?: Overrides;
  /** Uses the database at this URL, for another instance of the service. */
  databaseUrl?: string;
  /** Another route to that database, such as a proxy. */
  connectTo?: string;
  clock?: TestClock;
}

export const TEST_SECRET = 'tests-only-0f5b6c2e9a7d4831bb60c1d2e3f4a596';

/** Starts the service for a test file, with the cheapest argon2 settings; nothing else differs. */
export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const databaseUrl = options.databaseUrl ?? newDatabaseUrl();
  const clock = options.clock ?? createTestClock();
  let hashed = 0;
  const config = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: options.connectTo ?? (await serviceUrl(databaseUrl)),
    AUTH_SECRET: TEST_SECRET,
    ARGON2_MEMORY: '8',
    ARGON2_PASSES: '1',
    RATE_LIMIT: 'off',
    ...options.env,
  });
  const app = await createApp(config, {
    now: clock.now,
    passwords: (hasher) => ({
      ...hasher,
      hash(password) {
        hashed++;
        return hasher.hash(password);
      },
      verify(hash, password) {
        hashed++;
        return hasher.verify(hash, password);
      },
    }),
    ...options.overrides,
  });
  const post = (body: unknown, sending: Sending = {}) =>
    app.fetch(
      'http://localhost:4000/graphql',
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(sending.token === undefined ? {} : { authorization: `Bearer ${sending.token}` }),
          ...sending.headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      },
      sending.from === undefined ? {} : { remoteAddress: sending.from },
    );
  return {
    app,
    clock,
    databaseUrl,
    hashes: () => hashed,
    post,
    gql: async (query, variables, sending) =>
      (await (await post({ query, variables }, sending)).json()) as Answer,
    async close() {
      await app.close();
      if (options.databaseUrl !== undefined) return;
      await dropServiceUser(databaseUrl);
      await dropDatabase(databaseUrl);
    },
  };
}
