import { LoginDocument, MeDocument } from '../../../packages/client/src/generated/documents.ts';
import {
  createLatchkey,
  type Latchkey,
  type LatchkeyOptions,
  request,
  type SessionEvent,
} from '../../../packages/client/src/index.ts';
import { PASSWORD, registerUser, type TestUser } from '../../support/account.ts';
import type { TestApp } from '../../support/app.ts';
import { createWire, type Wire } from './wire.ts';

/** Where clients ask; every wire leads to the service under test. */
export const ENDPOINT = 'http://localhost:4000/graphql';

/** For how long an access token is good. */
export const ACCESS_SECONDS = 900;

/** The kit as an application has it, and what it did. */
export interface TestClient {
  latchkey: Latchkey;
  wire: Wire;
  events: SessionEvent[];
  /** Signs in by the mutation of the schema. */
  signIn(user: Pick<TestUser, 'username'>): Promise<void>;
  /** Asks the service whose session it is. */
  me(): Promise<string | null>;
}

export function createClient(
  app: TestApp,
  options: Partial<LatchkeyOptions> = {},
  wire = createWire(app),
): TestClient {
  const latchkey = createLatchkey({ url: ENDPOINT, fetch: wire.fetch, ...options });
  const events: SessionEvent[] = [];
  latchkey.subscribe((event) => events.push(event));
  return {
    latchkey,
    wire,
    events,
    async signIn({ username }) {
      const input = { identifier: username, password: PASSWORD };
      await request(latchkey, LoginDocument, { input });
    },
    async me() {
      const data = await request(latchkey, MeDocument);
      return data.me?.username ?? null;
    },
  };
}

/** A client whose person has just signed in, with nothing sent or told yet. */
export async function signedInClient(
  app: TestApp,
  options: Partial<LatchkeyOptions> = {},
  wire = createWire(app),
): Promise<TestClient & { user: TestUser }> {
  const client = createClient(app, options, wire);
  const user = await registerUser(app);
  await client.signIn(user);
  client.events.length = 0;
  wire.sent.length = 0;
  return { ...client, user };
}

/** Ends all sessions of somebody behind the backs of their clients. */
export async function endSessions(app: TestApp, { accessToken: token }: TestUser): Promise<void> {
  await app.gql('mutation { logout(everywhere: true) { endedSessions } }', {}, { token });
}

export const twenty = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, work));
