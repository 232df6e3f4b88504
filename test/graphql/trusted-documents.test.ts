import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';

let app: TestApp;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-documents-'));
  const file = join(folder, 'persisted-documents.json');
  writeFileSync(
    file,
    JSON.stringify({
      'sha256:one': 'query Me { me { id } }',
      'sha256:two': 'query Type { __typename me { __typename email } }',
    }),
  );
  app = await createTestApp({ env: { PERSISTED_OPERATIONS: file } });
});

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

it('runs a listed document, however it is laid out', async () => {
  expect(await app.gql('query Me { me { id } }')).toEqual({ data: { me: null } });
  expect(await app.gql('query Me {\n  me,{ id # mine\n } }')).toEqual({ data: { me: null } });
});

it('runs it with the __typename that Apollo Client and urql add, and without it', async () => {
  const added = await app.gql('query Me { me { id __typename } }');
  expect(added).toEqual({ data: { me: null } });
  // and where the list has it, whoever adds none
  expect(await app.gql('query Type { me { __typename email } }')).toEqual({ data: { me: null } });
  expect(await app.gql('query Type { me { email } }')).toEqual({ data: { me: null } });
});

it('refuses every other document, and says whom to ask', async () => {
  const others = [
    '{ me { id } }',
    'query Me { me { id email } }',
    'query Me { me { id name: __typename } }',
    '{ __typename }',
    '{',
    '{ a'.repeat(3000),
    `{ ${'a '.repeat(20_000)}}`,
  ];
  for (const query of others) {
    const { data, errors } = await app.gql(query);
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('PERSISTED_OPERATIONS');
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  }
});

it('does not start on a file that holds no documents', async () => {
  const file = join(folder, 'wrong.json');
  const contents = [
    '"nothing"',
    '[]',
    '["query {"]',
    '["name"]',
    '[{ "id": "one", "body": "{ me { id } }" }]',
  ];
  for (const content of contents) {
    writeFileSync(file, content);
    await expect(createTestApp({ env: { PERSISTED_OPERATIONS: file } }), content).rejects.toThrow(
      'PERSISTED_OPERATIONS',
    );
  }
});
