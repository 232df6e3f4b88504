import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MySessionsDocument } from '../../packages/client/src/generated/documents.ts';
import { LatchkeyError, request } from '../../packages/client/src/index.ts';
import { PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createClient, signedInClient } from './support/client.ts';
import { refusal } from './support/wire.ts';

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe('an operation', () => {
  it('is sent twice at the most', async () => {
    const { me, wire } = await signedInClient(app);
    wire.replace('Me', () => refusal('UNAUTHENTICATED', 0));
    await expect(me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wire.count('Me')).toBe(2);
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });

  it.each(['RATE_LIMITED', 'OVERLOADED'])(
    'that was %s is not sent again, and says how long to wait',
    async (code) => {
      const { me, wire } = await signedInClient(app);
      wire.replace('Me', () => refusal(code, 7));
      await expect(me()).rejects.toMatchObject({ code, retryAfter: 7 });
      expect(wire.count('Me')).toBe(1);
    },
  );

  it('is not repeated in the name of somebody who signed in meanwhile', async () => {
    const { me, wire, latchkey } = await signedInClient(app);
    const other = await registerUser(app);
    wire.replace('Me', async () => {
      await latchkey.signIn(other);
      return refusal('UNAUTHENTICATED', 0);
    });
    await expect(me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wire.count('Me')).toBe(1);
    wire.restore('Me');
    expect(await me()).toBe(other.username);
  });

  it('of a client that never signed in carries nothing, and refreshes nothing', async () => {
    const { me, wire, latchkey } = createClient(app);
    expect(await me()).toBeNull();
    await expect(request(latchkey, '{ admin { dashboard { users } } }')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(wire.sent.map(({ headers }) => headers.get('authorization'))).toEqual([null, null]);
  });
});

/** Such as GraphQL Code Generator writes with `documentMode: 'string'`. */
class TypedDocumentString<Result, Variables> extends String {
  __apiType?: (variables: Variables) => Result;
}

describe('request()', () => {
  it('takes a text with types, and knows a sign-in by it', async () => {
    const { latchkey, me } = createClient(app);
    const { username } = await registerUser(app);
    const login = new TypedDocumentString<
      { login: { __typename: 'LoginSuccess' | 'MfaRequired' } },
      { input: { identifier: string; password: string } }
    >(`mutation Login($input: LoginInput!) {
      login(input: $input) { __typename ... on LoginSuccess { tokens { accessToken refreshToken } } }
    }`);
    const answer = await request(latchkey, login, {
      input: { identifier: username, password: PASSWORD },
    });
    expect(answer.login.__typename satisfies 'LoginSuccess' | 'MfaRequired').toBe('LoginSuccess');
    expect(await me()).toBe(username);
    // @ts-expect-error its variables are needed
    await expect(request(latchkey, login)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('throws what the service says', async () => {
    const { latchkey } = await signedInClient(app);
    const wrong = request(latchkey, '{ nothing }');
    await expect(wrong).rejects.toThrow(LatchkeyError);
    await expect(wrong).rejects.toMatchObject({ code: 'BAD_USER_INPUT', errors: [{}] });
  });

  it('can be stopped', async () => {
    const { latchkey, wire } = await signedInClient(app);
    const stopped = AbortSignal.abort();
    wire.replace('MySessions', async () => {
      throw new DOMException('stopped', 'AbortError');
    });
    const asked = request(latchkey, MySessionsDocument, {}, { signal: stopped });
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });
});
