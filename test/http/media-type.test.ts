import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonContentType, negotiateResultType } from '../../src/http/media-type.ts';

const JSON_TYPE = 'application/json';
const RESULT_TYPE = 'application/graphql-response+json';

describe('the content type of a request', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json ;',
  ])('may be %s', (contentType) => {
    expect(isJsonContentType(contentType)).toBe(true);
  });

  it.each([
    undefined,
    '',
    'text/plain',
    'text/plain; application/json',
    'text/plain;charset=application/json',
    'application/json, text/plain',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; boundary=x',
    'application/json5',
    'application/graphql',
    'application/graphql+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    ' application/json',
  ])('may not be %j', (contentType) => {
    expect(isJsonContentType(contentType)).toBe(false);
  });
});

describe('the media type of a result', () => {
  it.each([
    [undefined, JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['application/json', JSON_TYPE],
    ['application/json; charset=utf-8', JSON_TYPE],
    [RESULT_TYPE, RESULT_TYPE],
    [`${RESULT_TYPE}; charset="utf-8"`, RESULT_TYPE],
    [`${RESULT_TYPE}, application/json;q=0.9`, RESULT_TYPE],
    [`application/json;q=0.9, ${RESULT_TYPE}`, RESULT_TYPE],
    [`${RESULT_TYPE};q=0.1, */*`, JSON_TYPE],
    [`application/json, ${RESULT_TYPE}`, JSON_TYPE],
    [`multipart/mixed, ${RESULT_TYPE}, application/json`, RESULT_TYPE],
    ['text/event-stream, */*;q=0.1', JSON_TYPE],
    ['Application/JSON', JSON_TYPE],
  ])('for %j is %s', (accept, type) => {
    expect(negotiateResultType(accept)).toBe(type);
  });

  it.each([
    '',
    'text/html',
    'multipart/mixed',
    'text/event-stream',
    'application/json;q=0',
    'application/json; charset=utf-16',
    'application/json;q=nonsense',
    'application/json;q=7',
    'json',
    ',;,=',
  ])('does not exist for %j', (accept) => {
    expect(negotiateResultType(accept)).toBeUndefined();
  });

  it('is one that the client named, whatever the header holds', () => {
    const range = fc.constantFrom('*/*', 'application/*', JSON_TYPE, RESULT_TYPE, 'text/html', 'x');
    const quality = fc.constantFrom('', ';q=0', ';q=0.5', '; q=1', ';q=x', ';;');
    const header = fc.array(fc.tuple(range, quality).map(([type, q]) => type + q)).map(String);
    fc.assert(
      fc.property(fc.oneof(header, fc.string()), (accept) => {
        const type = negotiateResultType(accept);
        if (type === RESULT_TYPE) expect(accept.toLowerCase()).toContain(RESULT_TYPE);
        else if (type === JSON_TYPE) expect(accept).toMatch(/\*\/\*|application\/(\*|json)/i);
      }),
    );
  });
});
