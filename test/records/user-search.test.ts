import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCrowd, crowdEmail } from '../../bench/crowd.ts';
import { registerAdmin, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const CROWD = 12_000;

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp({ env: { ACCESS_TOKEN_TTL: '86400' } });
  admin = await registerAdmin(app);
  await createCrowd(app.databaseUrl, CROWD);
});
afterAll(() => app.close());

interface Page {
  edges: { node: { email: string }; cursor: string }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  totalCount?: number;
}

async function search(variables: object, count = false): Promise<Page> {
  const query = `query ($search: String, $after: String, $first: Int, $role: Role, $status: UserStatus) {
    admin { users(search: $search, after: $after, first: $first, role: $role, status: $status) {
      edges { node { email } cursor } pageInfo { hasNextPage endCursor } ${count ? 'totalCount' : ''}
    } }
  }`;
  const { data, errors } = await app.gql(query, { ...variables }, { token: admin.accessToken });
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data.admin.users;
}

async function allPages(filter: object): Promise<Page[]> {
  const pages: Page[] = [];
  for (let after: string | null = null; ; after = pages.at(-1)?.pageInfo.endCursor ?? null) {
    const page: Page = await search({ first: 100, ...filter, after });
    pages.push(page);
    if (!page.pageInfo.hasNextPage) return pages;
    expect(page.pageInfo.endCursor).toBeTruthy();
    if (pages.length > 500) throw new Error('The pages never end.');
  }
}

const emailsOf = (pages: Page[]) =>
  pages.flatMap((page) => page.edges.map(({ node }) => node.email));

/** Who holds a text, as SQL finds them that reads everybody. */
async function holders(text: string, more = ''): Promise<string[]> {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
  const rows = await runSql<{ email: string }>(
    app.databaseUrl,
    `select email from users
      where (email_key like ? or username_key like ? or display_name like ?) ${more}`,
    [pattern, pattern, pattern],
  );
  return rows.map(({ email }) => email);
}

describe('page by page, everybody who holds the text is found, each once:', () => {
  it.each([
    ['by the beginning of an address', 'ada.1'],
    ['by a domain', 'students'],
    ['by a last name', 'lovelace'],
    ['by a first and a last name', 'ada hop'],
    ['in the middle of words', 'velac'],
    ['by digits', '777'],
    ['with an accent', 'müller'],
    ['nobody', 'zzyzx'],
    ['almost everybody', 'e'],
  ])('%s', async (_how, text) => {
    const found = emailsOf(await allPages({ search: text }));
    expect(new Set(found).size).toBe(found.length);
    expect(found.toSorted()).toEqual((await holders(text)).toSorted());
    const { totalCount } = await search({ search: text, first: 1 }, true);
    expect(totalCount).toBe(found.length);
  });

  it.each([
    [{ status: 'DISABLED' }, "and status = 'DISABLED'"],
    [{ status: 'ACTIVE' }, "and status = 'ACTIVE'"],
    [{ role: 'ADMIN' }, "and role = 'ADMIN'"],
    [{ role: 'USER', status: 'DISABLED' }, "and role = 'USER' and status = 'DISABLED'"],
  ])('of %j', async (filter, condition) => {
    const found = emailsOf(await allPages({ search: 'grace', ...filter }));
    expect(found.toSorted()).toEqual((await holders('grace', condition)).toSorted());
  });
});

it('gives first whose address, username, name, last name or domain begins so', async () => {
  const make = (input: Record<string, unknown>) => registerUser(app, input);
  const inTheMiddle = await make({ displayName: 'Xavier Bquokka' });
  const byDomain = await make({ email: 'm@quokka.example' });
  const byLastName = await make({ displayName: 'Ann Quokka' });
  const byName = await make({ displayName: 'Quokka Ann' });
  const byUsername = await make({ username: 'quokka7' });
  const byAddress = await make({ email: 'quokka@example.com' });
  const expected = [byAddress, byUsername, byName, byLastName, byDomain, inTheMiddle];
  const emails = expected.map(({ email }) => email);
  expect(emailsOf([await search({ search: 'QUOKKA' })])).toEqual(emails);
  expect(emailsOf(await allPages({ search: 'quokka', first: 1 }))).toEqual(emails);
});

it('ends a page early rather than looking at everybody, and goes on from there', async () => {
  const only = await registerUser(app, { displayName: 'needle' });
  await runSql(
    app.databaseUrl,
    "update users set display_name = 'A hayneedlestack' where email = ?",
    [crowdEmail(3)],
  );
  const first = await search({ search: 'needle' });
  expect(emailsOf([first])).toEqual([only.email]);
  expect(first.pageInfo.hasNextPage).toBe(true);
  const pages = await allPages({ search: 'needle' });
  expect(emailsOf(pages)).toEqual([only.email, crowdEmail(3)]);
  expect(pages.map((page) => page.edges.length)).toEqual([1, 0, 0, 0, 1]);
});

it('takes only cursors that a search gave', async () => {
  const { edges } = await search({ search: 'ada', first: 1 });
  const given = edges[0]?.cursor ?? '';
  await expect(search({ search: 'ada', after: given })).resolves.toBeTruthy();
  const list = await search({ first: 1 });
  const forged = [
    list.pageInfo.endCursor,
    given.slice(1),
    `${given}A`,
    ...['[9,"a","x"]', '[0,"a","x"]', '[-1,null,null]', '{}', 'null', '[0,{"a":1},"x"]'].map(
      (text) => Buffer.from(text).toString('base64url'),
    ),
  ];
  for (const after of forged) {
    await expect(search({ search: 'ada', after }), String(after)).rejects.toThrow('BAD_USER_INPUT');
  }
  await expect(search({ after: given })).rejects.toThrow('BAD_USER_INPUT');
});
