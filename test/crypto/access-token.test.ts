import { createSecretKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  type AccessTokenClaims,
  type AccessTokenKey,
  type AccessTokenKeys,
  createAccessTokens,
} from '../../src/crypto/access-token.ts';

const OPTIONS = { issuer: 'https://auth.example.com', audience: 'latchkey', ttlMs: 900_000 };
const now = new Date('2026-11-20T12:00:00.500Z');
const seconds = Math.floor(now.getTime() / 1000);
const newSecret = () => createSecretKey(randomBytes(32));
const later = (ms: number) => new Date(now.getTime() + ms);

/** Keys of which some may be taken away, and that count how often they are asked. */
function createKeys() {
  const held: AccessTokenKey[] = [{ kid: 'one', algorithm: 'HS256', key: newSecret() }];
  let asked = 0;
  const keys: AccessTokenKeys = {
    async signing() {
      const [first] = held;
      if (first === undefined) throw new Error('no key');
      return first;
    },
    async verifying(kid) {
      asked++;
      return held.find((key) => key.kid === kid) ?? null;
    },
    holds: (kid) => held.some((key) => key.kid === kid),
  };
  return { keys, held, asked: () => asked };
}

const claims: AccessTokenClaims = {
  userId: randomUUID(),
  sessionId: randomUUID(),
  role: 'USER',
  amr: ['pwd'],
  authenticatedAt: now,
  app: { plan: 'pro' },
};

describe('sign', () => {
  it('says what the README lists, and nothing else', async () => {
    const { keys } = createKeys();
    const { token, expiresAt } = await createAccessTokens(keys, OPTIONS).sign(claims, 'id', now);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'at+jwt', kid: 'one' });
    expect(decodeJwt(token)).toEqual({
      iss: OPTIONS.issuer,
      aud: OPTIONS.audience,
      sub: claims.userId,
      sid: claims.sessionId,
      role: 'USER',
      amr: ['pwd'],
      auth_time: seconds,
      iat: seconds,
      exp: seconds + 900,
      jti: 'id',
      app: { plan: 'pro' },
    });
    expect(expiresAt).toEqual(new Date((seconds + 900) * 1000));
  });

  it.each(['EdDSA', 'HS256'] as const)('makes what others verify, by %s', async (algorithm) => {
    const secret = newSecret();
    const pair =
      algorithm === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : { privateKey: secret, publicKey: secret };
    const { keys, held } = createKeys();
    held.splice(0, 1, { kid: 'two', algorithm, key: pair.privateKey });
    const app = { name: 'Zoë ☃ \u2028', quote: '"\\' };
    const tokens = createAccessTokens(keys, OPTIONS);
    const { token } = await tokens.sign({ ...claims, app }, 'id', now);
    const { payload } = await jwtVerify(token, pair.publicKey, { currentDate: now });
    expect(payload.app).toEqual(app);
    await expect(
      jwtVerify(token.replace('.e', '.f'), pair.publicKey, { currentDate: now }),
    ).rejects.toThrow();
  });
});

describe('verify', () => {
  it('takes what sign made, until its last second', async () => {
    const { keys } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const { token, expiresAt } = await tokens.sign(claims, 'id', now);
    const opened = { sessionId: claims.sessionId, userId: claims.userId };
    const lastMoment = new Date(expiresAt.getTime() - 1);
    expect(await tokens.verify(token, now)).toEqual(opened);
    expect(await tokens.verify(token, lastMoment)).toEqual(opened);
    expect(await tokens.verify(token, expiresAt)).toBeNull();
    // without the memory of having seen it before, too
    const fresh = createAccessTokens(keys, OPTIONS);
    expect(await fresh.verify(token, expiresAt)).toBeNull();
    expect(await fresh.verify(token, lastMoment)).toEqual(opened);
  });

  it('checks a signature once, and remembers no refusal', async () => {
    const { keys, asked } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const { token } = await tokens.sign(claims, 'id', now);
    for (let n = 0; n < 5; n++) await tokens.verify(token, now);
    expect(asked()).toBe(1);
    const forged = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BA' : 'AA'}`;
    for (let n = 0; n < 5; n++) expect(await tokens.verify(forged, now)).toBeNull();
  });

  it('forgets a signature whose key has been retired', async () => {
    const { keys, held } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const { token } = await tokens.sign(claims, 'id', now);
    expect(await tokens.verify(token, now)).not.toBeNull();
    const retired = held.splice(0);
    expect(await tokens.verify(token, now)).toBeNull();
    // another key of the same name does not bring it back
    held.push({ kid: 'one', algorithm: 'HS256', key: newSecret() });
    expect(await tokens.verify(token, now)).toBeNull();
    held.splice(0, 1, ...retired);
    expect(await tokens.verify(token, now)).not.toBeNull();
  });

  it('remembers a bounded number of signatures', async () => {
    const { keys, asked } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const bound = 20_000;
    const sign = async (id: number) => (await tokens.sign(claims, String(id), now)).token;
    const first = await sign(-1);
    await tokens.verify(first, now);
    let last = first;
    for (let n = 0; n < bound; n += 100) {
      const some = await Promise.all(Array.from({ length: 100 }, (_, i) => sign(n + i)));
      await Promise.all(some.map((token) => tokens.verify(token, now)));
      last = some.at(-1) ?? last;
    }
    const before = asked();
    await tokens.verify(last, now);
    expect(asked()).toBe(before);
    // the oldest had to make room
    await tokens.verify(first, now);
    expect(asked()).toBe(before + 1);
  });

  it('answers null to anything that is no token, and never throws', async () => {
    const { keys, asked } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const word = fc.string({
      unit: fc.constantFrom(...'abcXYZ019-_'),
      minLength: 1,
      maxLength: 40,
    });
    const json = fc.json().map((text) => Buffer.from(text).toString('base64url'));
    const part = fc.oneof(word, json);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.tuple(part, part, part).map((parts) => parts.join('.')),
        ),
        async (text) => {
          expect(await tokens.verify(text, now)).toBeNull();
        },
      ),
      { numRuns: 500 },
    );
    expect(asked()).toBe(0);
  });

  it('refuses sound signatures on claims of the wrong form', async () => {
    const { keys, held } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const sound = {
      iss: OPTIONS.issuer,
      aud: OPTIONS.audience,
      sub: claims.userId,
      sid: claims.sessionId,
      jti: 'id',
      iat: seconds,
      exp: seconds + 900,
    };
    const verify = async (changes: Record<string, unknown>, typ = 'at+jwt') => {
      const payload = JSON.parse(JSON.stringify({ ...sound, ...changes })) as JWTPayload;
      const header = { alg: 'HS256', typ, kid: 'one' };
      const key = held[0]?.key ?? newSecret();
      const token = await new SignJWT(payload).setProtectedHeader(header).sign(key);
      return tokens.verify(token, now);
    };
    expect(await verify({})).not.toBeNull();
    for (const changes of [
      ...Object.keys(sound).map((name) => ({ [name]: undefined })),
      ...['sub', 'sid'].flatMap((name) =>
        [
          1,
          true,
          null,
          [claims.userId],
          { toString: 'x' },
          '',
          'ada',
          ` ${claims.userId}`,
          claims.userId.toUpperCase(),
          `{${claims.userId}}`,
          claims.userId.replaceAll('-', ''),
          `${claims.userId}\n`,
          // written like a UUID, but of no version that there is: the database's column would not take it
          '12345678-1234-9234-8234-123456789abc',
          '12345678-1234-4234-c234-123456789abc',
        ].map((value) => ({ [name]: value })),
      ),
      ...['exp', 'iat'].flatMap((name) =>
        ['soon', String(seconds + 900), [seconds + 900], true, null, {}].map((value) => ({
          [name]: value,
        })),
      ),
      { exp: seconds },
      { exp: seconds - 1 },
      { exp: -1 },
      { exp: 0 },
      { iat: seconds + 121 },
      { nbf: seconds + 1 },
      { nbf: 'now' },
      { iss: 'https://evil.example.com' },
      { iss: [OPTIONS.issuer] },
      { iss: `${OPTIONS.issuer}/` },
      { aud: [] },
      { aud: 'other' },
      { aud: ['other'] },
      { aud: { latchkey: true } },
      { aud: 'LATCHKEY' },
    ]) {
      expect(await verify(changes), JSON.stringify(changes)).toBeNull();
    }
    for (const typ of ['JWT', 'jwt', 'at', 'id+jwt', 'at+jwt ', '']) {
      expect(await verify({}, typ), typ).toBeNull();
    }
  });

  it('does not mind that another clock is two minutes ahead', async () => {
    const { keys } = createKeys();
    const tokens = createAccessTokens(keys, OPTIONS);
    const ahead = await tokens.sign(claims, 'id', later(119_000));
    expect(await tokens.verify(ahead.token, now)).not.toBeNull();
    const farAhead = await tokens.sign(claims, 'id', later(122_000));
    expect(await tokens.verify(farAhead.token, now)).toBeNull();
  });
});
