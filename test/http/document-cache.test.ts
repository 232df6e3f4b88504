import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDocumentCache } from '../../src/http/document-cache.ts';

describe('the document cache', () => {
  it('never holds more than its characters, nor a wrong value', () => {
    const document = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(fc.array(document, { maxLength: 200 }), (documents) => {
        const cache = createDocumentCache<string>(100);
        for (const text of documents) cache.set(text, text);
        const held = [...new Set(documents)].filter((text) => cache.get(text) !== undefined);
        expect(held.join('').length).toBeLessThanOrEqual(100);
        for (const text of held) expect(cache.get(text)).toBe(text);
      }),
    );
  });

  it('keeps what is used while strangers fill it', () => {
    const cache = createDocumentCache<number>(1000);
    cache.set('{ me { id } }', 1);
    for (let i = 0; i < 10_000; i++) {
      cache.set(`{ stranger${i} }`, i);
      expect(cache.get('{ me { id } }')).toBe(1);
    }
    expect(cache.get('{ stranger0 }')).toBeUndefined();
    expect(cache.get('{ stranger9999 }')).toBe(9999);
  });

  it('counts a document once, however often it is set', () => {
    const cache = createDocumentCache<number>(100);
    cache.set('a', 0);
    for (let i = 0; i < 200; i++) cache.set('b', i);
    expect(cache.get('a')).toBe(0);
    expect(cache.get('b')).toBe(199);
  });

  it('does not take documents that would push out many others', () => {
    const cache = createDocumentCache<number>(1000);
    cache.set('x'.repeat(41), 1);
    expect(cache.get('x'.repeat(41))).toBeUndefined();
  });
});
