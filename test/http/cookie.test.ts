import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieName, readCookies, setCookie } from '../../src/http/cookie.ts';
import { processorWatch } from '../support/processor-time.ts';

/** Text of any UTF-16 code units at all. */
const anyText = fc.uint16Array({ maxLength: 80 }).map((units) => String.fromCharCode(...units));
const SECURE = { secure: true, sameSite: 'lax' } as const;
const PLAIN = { secure: false, sameSite: 'strict' } as const;

describe('cookieName', () => {
  it('has the prefix that binds a cookie to its host wherever there is HTTPS', () => {
    expect(cookieName('access', SECURE)).toBe('__Host-latchkey-access');
    expect(cookieName('refresh', PLAIN)).toBe('latchkey-refresh');
  });
});

describe('setCookie', () => {
  it('marks a cookie as no script, no other host and no other site may have it', () => {
    expect(setCookie('access', 'a.b-c_d', 900, SECURE)).toBe(
      '__Host-latchkey-access=a.b-c_d; Max-Age=900; Path=/; HttpOnly; Secure; SameSite=Lax',
    );
    expect(setCookie('device', 'x', null, PLAIN)).toBe(
      'latchkey-device=x; Path=/; HttpOnly; SameSite=Strict',
    );
  });

  it('removes a cookie under the same attributes, or browsers would keep it', () => {
    expect(setCookie('refresh', '', 0, SECURE)).toBe(
      '__Host-latchkey-refresh=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
    );
  });

  it('rounds a lifetime down and never below nothing', () => {
    const maxAge = (seconds: number) =>
      /Max-Age=([^;]*)/.exec(setCookie('access', 'x', seconds, SECURE))?.[1];
    expect([899.999, 0.5, -5, -0.1].map(maxAge)).toEqual(['899', '0', '0', '0']);
  });

  it('lets no value break out of its cookie', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        fc.pre(value.isWellFormed());
        const line = setCookie('access', value, null, SECURE);
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        expect(line.split(';')).toHaveLength(5);
        expect(line.endsWith('; Path=/; HttpOnly; Secure; SameSite=Lax')).toBe(true);
      }),
    );
  });
});

describe('readCookies', () => {
  it('gives back what was set, among any others', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.-]{1,200}$/), (value) => {
        const [pair = ''] = setCookie('access', value, null, SECURE).split(';');
        expect(readCookies(`theme=dark; ${pair}; _ga=GA1.1`, SECURE)).toEqual({ access: value });
      }),
    );
  });

  it('reads nothing where there is nothing of ours', () => {
    for (const header of [
      undefined,
      '',
      ';',
      '=',
      ';;==;',
      'latchkey-access=x',
      '__Host-latchkey-access',
    ]) {
      expect(readCookies(header, SECURE)).toEqual({});
    }
    expect(readCookies('__Host-latchkey-access=x', PLAIN)).toEqual({});
    expect(readCookies('latchkey-access=', PLAIN)).toEqual({});
  });

  it('takes the first of two of a name', () => {
    const header = 'latchkey-access=one; latchkey-access=two';
    expect(readCookies(header, PLAIN)).toEqual({ access: 'one' });
  });

  it('is not led astray by names that objects have of their own', () => {
    const header = '__proto__=x; constructor=y; toString=z; latchkey-device=d';
    expect(readCookies(header, PLAIN)).toEqual({ device: 'd' });
    expect(({} as Record<string, unknown>).access).toBeUndefined();
  });

  it('answers anything at all, and 64 kB of it at once', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(() => readCookies(header, SECURE)).not.toThrow();
      }),
    );
    const busyMs = processorWatch();
    for (const header of [
      '='.repeat(65_536),
      ';'.repeat(65_536),
      'a='.repeat(32_768),
      '%'.repeat(65_536),
    ]) {
      expect(readCookies(header, SECURE)).toEqual({});
    }
    expect(busyMs()).toBeLessThan(1000);
  });
});
