import { afterAll, beforeAll, expect, it } from 'vitest';
import { registerAdmin, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

/** Every place where a list is read page by page. */
const LISTS = {
  'admin.users':
    'admin { list: users(first: $first, after: $after) { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
  'admin.auditEvents':
    'admin { list: auditEvents(first: $first, after: $after) { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
  'me.auditEvents':
    'me { list: auditEvents(first: $first, after: $after) { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
};
const names = Object.keys(LISTS) as (keyof typeof LISTS)[];

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp();
  admin = await registerAdmin(app);
  await registerUser(app);
});
afterAll(() => app.close());

async function read(name: keyof typeof LISTS, variables: object) {
  const query = `query ($first: Int, $after: String) { at: ${LISTS[name]} }`;
  const { data, errors } = await app.gql(query, { ...variables }, { token: admin.accessToken });
  return { list: data?.at?.list, error: errors?.[0] };
}

it.each(names)('takes at %s from 1 to 100 and nothing else for "first"', async (name) => {
  for (const first of [1, 100, null]) expect((await read(name, { first })).error).toBeUndefined();
  for (const first of [0, -1, 101, 2 ** 31 - 1, -(2 ** 31)]) {
    const { list, error } = await read(name, { first });
    expect(list ?? null).toBeNull();
    expect(error).toMatchObject({
      message: '"first" must be between 1 and 100.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  }
  for (const first of [2 ** 31, 1.5, '1', true, [1, 2], {}]) {
    expect((await read(name, { first })).error?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  }
});

it.each(names)('takes at %s only cursors that it gave', async (name) => {
  const { list } = await read(name, { first: 1 });
  expect((await read(name, { after: list.pageInfo.endCursor })).error).toBeUndefined();
  const { id } = list.edges[0].node;
  for (const after of [
    '',
    'x',
    '\0',
    '\uD800',
    id,
    'null',
    "' or 1=1 --",
    list.pageInfo.endCursor.slice(1),
    `${list.pageInfo.endCursor}AAAA`,
    'A'.repeat(50_000),
  ]) {
    expect((await read(name, { after })).error, after.slice(0, 50)).toMatchObject({
      message: '"after" must be a cursor that an earlier page gave.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  }
});

it('says of an empty page that there is nothing before, after or on it', async () => {
  const { list } = await read('admin.users', { first: 100 });
  const page = await read('admin.users', { after: list.pageInfo.endCursor });
  expect(page.list).toEqual({
    edges: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
  });
});

it('says whether more follow, also when exactly as many are left as were asked for', async () => {
  const two = await read('admin.users', { first: 2 });
  expect(two.list.edges).toHaveLength(2);
  expect(two.list.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
  const one = await read('admin.users', { first: 1 });
  expect(one.list.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  const rest = await read('admin.users', { first: 1, after: one.list.pageInfo.endCursor });
  expect(rest.list.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
});
