import { parse, print, visit } from 'graphql';
import { describe, expect, it } from 'vitest';
import * as documents from '../../packages/client/src/generated/documents.ts';
import { printDocument } from '../../packages/client/src/print.ts';

/** What a text means: its parse without the places of things. */
const meaning = (text: string) =>
  JSON.parse(
    JSON.stringify(
      visit(parse(text, { noLocation: true }), {
        StringValue: (node) => ({ ...node, block: false }),
      }),
    ),
  );

const EVERYTHING = `
  query Everything($a: [Int!]! = [1, 2], $b: In = { c: "x\\n\\"y\\" é", d: [null, true] }, $e: Float = -1.5e3) @live {
    first: field(a: $a, b: { nested: { c: ENUM, s: """ block "text" """ } }) @include(if: true) @skip(if: $x) {
      ... on Type @defer(label: "l") { id }
      ... @include(if: false) { id }
      ...Spread @x
    }
    last
  }
  fragment Spread on Type @y(z: 1) { id }
  mutation { go }
  subscription Watch { it }
`;

describe('the printed document', () => {
  it('means what the library’s printer writes', () => {
    expect(meaning(printDocument(parse(EVERYTHING)))).toEqual(meaning(print(parse(EVERYTHING))));
  });

  it.each(Object.entries(documents))('%s is the same', (_name, document) => {
    const parsed = JSON.parse(JSON.stringify(document));
    expect(meaning(printDocument(parsed))).toEqual(meaning(print(parsed)));
  });
});
