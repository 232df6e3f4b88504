import { describe, expect, it } from 'vitest';
import { isFromOurPages } from '../../src/http/csrf.ts';

const OURS = new Set(['https://auth.example.com', 'https://app.example.com']);
const header = { 'x-csrf-protection': '1' };

describe('isFromOurPages', () => {
  it('asks for a header that a page of another origin cannot send', () => {
    expect(isFromOurPages({}, OURS)).toBe(false);
    expect(isFromOurPages({ origin: 'https://auth.example.com' }, OURS)).toBe(false);
    expect(isFromOurPages({ 'x-csrf-protection': '' }, OURS)).toBe(false);
    for (const name of [
      'x-csrf-protection',
      'apollo-require-preflight',
      'x-apollo-operation-name',
      'x-graphql-yoga-csrf',
      'graphql-require-preflight',
    ]) {
      expect(isFromOurPages({ [name]: 'anything' }, OURS)).toBe(true);
    }
  });

  it('takes the origins of the list, to the letter', () => {
    for (const origin of OURS) expect(isFromOurPages({ ...header, origin }, OURS)).toBe(true);
    for (const origin of ['null', '', 'https://evil.example', 'https://app.example.com/']) {
      expect(isFromOurPages({ ...header, origin }, OURS), origin).toBe(false);
    }
  });

  it('goes by Sec-Fetch-Site where there is no origin', () => {
    const from = (site: string) => isFromOurPages({ ...header, 'sec-fetch-site': site }, OURS);
    expect(['same-origin', 'same-site', 'none', 'cross-site'].map(from)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('takes nothing where no origin is ours', () => {
    expect(isFromOurPages({ ...header, origin: 'https://auth.example.com' }, new Set())).toBe(
      false,
    );
  });
});
