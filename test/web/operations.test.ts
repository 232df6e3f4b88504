import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { formatDocument, stringifyDocument } from '@urql/core';
import { parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import { OWN_OPERATIONS } from '../../packages/client/src/index.ts';
import { schema } from '../../src/graphql/schema.ts';
import { generateDocuments, listOperations } from '../../web/codegen.js';

const ROOT = join(import.meta.dirname, '../..');

it('are all valid, and each has a name of its own', () => {
  const operations = Object.entries(listOperations());
  expect(operations.length).toBeGreaterThan(25);
  for (const [name, text] of operations) {
    expect(text).toMatch(new RegExp(`^(query|mutation) ${name}\\b`));
    expect(validate(schema, parse(text)), name).toEqual([]);
  }
});

it('have types that are not stale', async () => {
  for (const [path, text] of Object.entries(await generateDocuments())) {
    const name = relative(ROOT, path);
    expect(readFileSync(path, 'utf8') === text, `${name} is stale: run node web/build.js`).toBe(
      true,
    );
  }
});

it('are listed as they are sent, for services that run listed documents only', async () => {
  const path = join(ROOT, 'web/src/generated/account.ts');
  const { LogoutDocument, LoginDocument } = await import(path);
  const { Logout, Login } = listOperations();
  expect(stringifyDocument(LogoutDocument)).toBe(Logout);
  expect(stringifyDocument(formatDocument(LoginDocument))).toBe(Login);
  const listed = JSON.parse(readFileSync(join(ROOT, 'web/dist/operations.json'), 'utf8'));
  expect(listed).toEqual({ ...listOperations(), ...OWN_OPERATIONS });
});
