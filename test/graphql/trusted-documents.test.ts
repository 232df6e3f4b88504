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
  writeFileSync(file, JSON.stringify({ 'sha256:one': 'query Me { me { id } }' }));
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

it('refuses every other document, and says whom to ask', async () => {
  for (const query of ['{ me { id } }', 'query Me { me { id email } }', '{ __typename }', '{']) {
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
