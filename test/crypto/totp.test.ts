import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTotpSecret, parseTotpCode, totpEnrolment, totpStep } from '../../src/crypto/totp.ts';
import { totpCode } from '../support/account.ts';

/** The secret of RFC 6238's appendix B, "12345678901234567890", in base32. */
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const STEP = 30;

/** Text of any UTF-16 code units at all, lone surrogates too. */
const anyText = fc.uint16Array({ maxLength: 20 }).map((units) => String.fromCharCode(...units));

const at = (seconds: number) => new Date(seconds * 1000);

describe('totpStep', () => {
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])("takes the code of RFC 6238's appendix B at %i s", (seconds, eightDigits) => {
    // six digits are the last six of the eight that the RFC lists
    const code = eightDigits.slice(-6);
    expect(totpStep(RFC_SECRET, code, at(seconds))).toBe(Math.floor(seconds / STEP));
  });

  it('takes the step before and the step after, wherever in a step the clock is, and no other', () => {
    const middle = 60_000_000;
    const secret = createTotpSecret();
    const code = totpCode(secret, at(middle * STEP));
    for (const offset of [0, 1, 14, 15, 16, 28, 29, 29.999]) {
      for (const away of [-3, -2, -1, 0, 1, 2, 3]) {
        const now = at((middle + away) * STEP + offset);
        // another step's code is the same one time in 250,000, which is no failure
        const twins = [-1, 0, 1].filter(
          (d) => totpCode(secret, at((middle + away + d) * STEP)) === code,
        );
        const expected = twins.length > 0 ? middle : null;
        if (Math.abs(away) <= 1)
          expect(totpStep(secret, code, now), `${away} ${offset}`).toBe(middle);
        else if (expected === null)
          expect(totpStep(secret, code, now), `${away} ${offset}`).toBeNull();
      }
    }
  });

  it('takes a code with the spaces that apps show', () => {
    const [a, b] = [
      totpCode(RFC_SECRET, at(59)).slice(0, 3),
      totpCode(RFC_SECRET, at(59)).slice(3),
    ];
    for (const code of [`${a} ${b}`, ` ${a}${b} `, `${[...(a + b)].join(' ')}`]) {
      expect(totpStep(RFC_SECRET, code, at(59))).toBe(1);
    }
  });

  it.each([
    ['nothing', ''],
    ['spaces', '      '],
    ['five digits', '28708'],
    ['seven digits', '2870820'],
    ['eight digits', '94287082'],
    ['a sign', '-87082'],
    ['a fraction', '287.82'],
    ['an exponent', '2870e2'],
    ['hexadecimal', '0x4617'],
    ['full-width digits', '２８７０８２'],
    ['Arabic digits', '٢٨٧٠٨٢'],
    ['a null', '28708\0'],
    ['a line break', '287082\n'],
    ['a tab', '287\t082'],
    ['a no-break space', '287\u00a0082'],
    ['a zero-width space', '287\u200b082'],
    ['a huge string', '2'.repeat(1_000_000)],
    ['spaces without end', `287082${' '.repeat(1_000_000)}`],
    ['SQL', "' or 1=1"],
    ['a lone surrogate', '28708\ud800'],
  ])('refuses %s without a throw', (_what, code) => {
    expect(totpStep(RFC_SECRET, code, at(59))).toBeNull();
  });

  it('answers anything at all', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.date({ min: at(0), max: at(4e9), noInvalidDate: true }),
        (code, now) => {
          const step = totpStep(RFC_SECRET, code, now);
          expect(step === null || Number.isInteger(step)).toBe(true);
        },
      ),
    );
  });
});

describe('parseTotpCode', () => {
  it('keeps leading zeros', () => {
    expect(parseTotpCode('000 042')).toBe('000042');
  });
});

describe('createTotpSecret', () => {
  it('draws 160 bits, as RFC 4226 recommends, and another each time', () => {
    const secrets = Array.from({ length: 1000 }, createTotpSecret);
    expect(new Set(secrets).size).toBe(1000);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  });
});

describe('totpEnrolment', () => {
  it('gives apps the secret, the issuer and a label, whatever is in them', () => {
    for (const label of [
      'ada@example.com',
      'ä&secret=EVIL@example.com',
      'a:b/c?d#e %41@example.com',
    ]) {
      const { uri, qrCode } = totpEnrolment(RFC_SECRET, 'auth.example.com', label);
      const url = new URL(uri);
      expect(url.protocol).toBe('otpauth:');
      expect(url.searchParams.getAll('secret')).toEqual([RFC_SECRET]);
      expect(url.searchParams.get('issuer')).toBe('auth.example.com');
      expect(decodeURIComponent(url.pathname)).toContain(label);
      expect(qrCode).toMatch(/^data:image\/gif;base64,R0lGOD/);
    }
  });
});
