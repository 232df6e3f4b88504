import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  jsonDepthExceeds,
  parametersOfBody,
  parametersOfQuery,
} from '../../src/http/graphql-parameters.ts';
import { processorWatch } from '../support/processor-time.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('the depth of JSON text', () => {
  it('is the depth of the value, whatever its strings and keys hold', () => {
    const brackets = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'a') });
    const value = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small', maxDepth: 8 },
        brackets,
        fc.array(tie('tree')),
        fc.dictionary(brackets, tie('tree')),
      ),
    })).tree;
    fc.assert(
      fc.property(value, fc.nat(6), (tree, limit) => {
        const text = JSON.stringify(tree);
        expect(jsonDepthExceeds(text, limit)).toBe(depthOf(tree) > limit);
        expect(jsonDepthExceeds(JSON.stringify(tree, null, 2), limit)).toBe(depthOf(tree) > limit);
      }),
      { numRuns: 200 },
    );
  });

  it('is found in one pass over text that was made to be slow', () => {
    const busyMs = processorWatch();
    expect(jsonDepthExceeds('\\"'.repeat(500_000), 32)).toBe(false);
    expect(jsonDepthExceeds(`"${'\\'.repeat(1_000_000)}`, 32)).toBe(false);
    expect(jsonDepthExceeds('"\\"'.repeat(333_333), 32)).toBe(false);
    expect(jsonDepthExceeds('['.repeat(1_000_000), 32)).toBe(true);
    expect(busyMs()).toBeLessThan(500);
  });
});

describe('the parameters of a body', () => {
  it('are the four of the specification, and null stands for absent', () => {
    const body = { query: '{a}', operationName: null, variables: { x: 1 }, other: true };
    expect(parametersOfBody(JSON.stringify(body))).toEqual({
      parameters: {
        query: '{a}',
        operationName: undefined,
        variables: { x: 1 },
        extensions: undefined,
      },
    });
  });

  it('take the last of a repeated key', () => {
    const parsed = parametersOfBody('{"query":"{a}","query":"{b}"}');
    expect(parsed).toMatchObject({ parameters: { query: '{b}' } });
  });

  it.each([
    ['', 'not valid JSON'],
    ['{"query":', 'not valid JSON'],
    ['\uFEFF{"query":"{a}"}', 'not valid JSON'],
    ['[{"query":"{a}"}]', 'Batches'],
    ['"{a}"', 'must be a JSON object'],
    ['null', 'must be a JSON object'],
    ['{}', 'no "query"'],
    ['{"query":null}', 'no "query"'],
    ['{"query":["{a}"]}', '"query" must be a string'],
    ['{"query":"{a}","operationName":1}', '"operationName"'],
    ['{"query":"{a}","variables":[]}', '"variables"'],
    ['{"query":"{a}","variables":"{}"}', '"variables"'],
    ['{"query":"{a}","extensions":0}', '"extensions"'],
    ['['.repeat(100_000), 'nests deeper than 32'],
    [`{"query":"{a}","variables":${'{"a":'.repeat(32)}1${'}'.repeat(32)}}`, 'nests deeper'],
  ])('are refused: %.40j', (body, reason) => {
    const parsed = parametersOfBody(body);
    expect(parsed).toMatchObject({ status: 400, message: expect.stringContaining(reason) });
  });

  it('never throw, whatever the body', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        const parsed = parametersOfBody(body);
        if (!('parameters' in parsed)) expect(parsed.status).toBe(400);
      }),
    );
  });
});

describe('the parameters of a query string', () => {
  it('are decoded, and the first of a repeated one counts', () => {
    const search = `?${new URLSearchParams([
      ['query', '{a}'],
      ['query', '{b}'],
      ['variables', '{"x":1}'],
      ['operationName', 'A'],
    ])}`;
    expect(parametersOfQuery(search)).toMatchObject({
      parameters: { query: '{a}', variables: { x: 1 }, operationName: 'A' },
    });
  });

  it.each([
    ['', 'no "query"'],
    ['?query={a}&variables={', '"variables"'],
    ['?query={a}&variables=[]', '"variables"'],
    ['?query={a}&extensions=1', '"extensions"'],
    [`?query={a}&variables=${'['.repeat(40)}`, '"variables"'],
  ])('are refused: %.40j', (search, reason) => {
    const parsed = parametersOfQuery(search);
    expect(parsed).toMatchObject({ status: 400, message: expect.stringContaining(reason) });
  });
});
