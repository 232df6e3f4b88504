import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Keys } from '../../src/crypto/keyring.ts';
import {
  isAuthenticRefreshToken,
  parseRefreshToken,
  refreshToken,
} from '../../src/crypto/refresh-token.ts';
import { processorWatch } from '../support/processor-time.ts';

const keys: Keys = [randomBytes(32)];
const MAX_GENERATION = 2 ** 31 - 2;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const session = fc.record({
  id: fc.uuid(),
  generation: fc.integer({ min: 0, max: MAX_GENERATION }),
  nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array)),
});

const ada = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  generation: 7,
  nonce: randomBytes(16),
};

/** Whether the whole check takes a token for one of this session. */
function passes(token: string, nonce = ada.nonce): boolean {
  const parts = parseRefreshToken(token);
  return parts !== null && isAuthenticRefreshToken(keys, parts, nonce);
}

describe('refreshToken', () => {
  it('is read back as it was made, and is authentic', () => {
    fc.assert(
      fc.property(session, (given) => {
        const parts = parseRefreshToken(refreshToken(keys, given));
        expect(parts).toMatchObject({ sessionId: given.id, generation: given.generation });
        expect(parts !== null && isAuthenticRefreshToken(keys, parts, given.nonce)).toBe(true);
      }),
    );
  });

  it('is derived: the same for everybody who asks for the same generation', () => {
    fc.assert(
      fc.property(session, (given) => {
        expect(refreshToken(keys, given)).toBe(refreshToken(keys, { ...given }));
      }),
    );
  });

  it('differs by session, generation, nonce and key', () => {
    const tokens = [
      refreshToken(keys, ada),
      refreshToken(keys, { ...ada, id: '01890a5d-ac96-774b-bcce-b302099a8058' }),
      refreshToken(keys, { ...ada, generation: 8 }),
      refreshToken(keys, { ...ada, nonce: randomBytes(16) }),
      refreshToken([randomBytes(32)], ada),
    ];
    expect(new Set(tokens.map((token) => token.split('.')[2])).size).toBe(tokens.length);
  });

  it('is not authentic with the MAC of another generation, session, nonce or key', () => {
    const [id, , mac] = refreshToken(keys, ada).split('.');
    expect(passes(`${id}.7.${mac}`)).toBe(true);
    for (const generation of [0, 1, 6, 8, 70, MAX_GENERATION]) {
      expect(passes(`${id}.${generation}.${mac}`)).toBe(false);
    }
    const other = refreshToken(keys, { ...ada, id: '01890a5d-ac96-774b-bcce-b302099a8058' });
    expect(passes(`${other.split('.')[0]}.7.${mac}`)).toBe(false);
    expect(passes(refreshToken(keys, ada), randomBytes(16))).toBe(false);
    expect(passes(refreshToken([randomBytes(32)], ada))).toBe(false);
    expect(
      passes(refreshToken(['old', 'older'].map(() => randomBytes(32)) as [Buffer, Buffer], ada)),
    ).toBe(false);
  });

  it('stays good when a newer key comes before the one it was made under', () => {
    const parts = parseRefreshToken(refreshToken(keys, ada));
    const rotated: Keys = [randomBytes(32), keys[0]];
    expect(parts !== null && isAuthenticRefreshToken(rotated, parts, ada.nonce)).toBe(true);
  });
});

describe('parseRefreshToken', () => {
  it('knows one spelling of each token: no character of it can be changed', () => {
    const token = refreshToken(keys, ada);
    for (let place = 0; place < token.length; place++) {
      for (const character of `${ALPHABET}.=+/ \n`) {
        if (character === token[place]) continue;
        const changed = token.slice(0, place) + character + token.slice(place + 1);
        expect(passes(changed), changed).toBe(false);
      }
    }
  });

  it('lets nothing be put before, into or behind a token', () => {
    const token = refreshToken(keys, ada);
    for (const more of [' ', '\n', '\r\n', '\t', '\0', '=', '.', 'A', '\u200b', '%20']) {
      for (let place = 0; place <= token.length; place++) {
        const changed = token.slice(0, place) + more + token.slice(place);
        expect(passes(changed), JSON.stringify(changed)).toBe(false);
      }
    }
  });

  it.each([
    ['leading zeros', '007'],
    ['a sign', '+7'],
    ['a negative number', '-7'],
    ['a fraction', '7.0'],
    ['an exponent', '7e0'],
    ['hexadecimal', '0x7'],
    ['other digits', '７'],
    ['nothing', ''],
    ['a space', ' 7'],
    ['more than the column holds', String(2 ** 31 - 1)],
    ['ten digits too many', '99999999999'],
    ['not a safe integer', '9007199254740993'],
  ])('refuses a generation with %s', (_what, generation) => {
    const [id, , mac] = refreshToken(keys, ada).split('.');
    expect(parseRefreshToken(`${id}.${generation}.${mac}`)).toBeNull();
  });

  it('refuses sixteen bytes that are no UUID, before the database is asked for them', () => {
    const [, , mac] = refreshToken(keys, ada).split('.');
    const noUuid = Buffer.from('0123456789abcdef0123456789abcdef', 'hex').fill(0xff, 6, 9);
    expect(parseRefreshToken(`${noUuid.toString('base64url')}.7.${mac}`)).toBeNull();
  });

  it('answers anything at all, and a megabyte of it at once', () => {
    fc.assert(fc.property(fc.string(), (text) => parseRefreshToken(text) === null));
    const busyMs = processorWatch();
    for (const text of [
      'A'.repeat(1_000_000),
      '.'.repeat(1_000_000),
      `${'A'.repeat(22)}.${'1'.repeat(1_000_000)}.${'A'.repeat(43)}`,
      `${'A'.repeat(22)}.7.${'A'.repeat(1_000_000)}`,
    ]) {
      expect(parseRefreshToken(text)).toBeNull();
    }
    expect(busyMs()).toBeLessThan(1000);
  });
});
