import { afterAll, beforeAll, expect, it } from 'vitest';
import { newName, PASSWORD } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const URL = 'http://localhost:4000/graphql';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Runs an attack and fails when anything in the database is different afterwards. */
async function changingNothing<T>(attack: () => Promise<T>): Promise<T> {
  const tables =
    'users, pending_registrations, sessions, recovery_codes, totp_enrolments, login_challenges, attempt_counters, audit_events';
  const checksum = () => runSql(app.databaseUrl, `checksum table ${tables}`);
  const before = await checksum();
  const result = await attack();
  expect(await checksum()).toEqual(before);
  return result;
}

const mutation = () =>
  `mutation { register(input: { email: "${newName()}@example.com", password: "${PASSWORD}" }) { __typename } }`;

/** Sends a mutation in a way in which it must not be carried out. @returns the answer */
async function sendInVain(init: RequestInit, url = URL): Promise<Response> {
  const hashes = app.hashes();
  const response = await changingNothing(() => app.app.fetch(url, init));
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(app.hashes()).toBe(hashes);
  return response;
}

it('sends what is carried out when it is sent as it should be', async () => {
  const { data } = await app.gql(mutation());
  expect(data.register.__typename).toBe('RegisterSuccess');
});

const form = (query: string) => new URLSearchParams({ query }).toString();
const json = (query: string) => JSON.stringify({ query });
const multipart = (query: string) =>
  `--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n${json(query)}\r\n--x\r\ncontent-disposition: form-data; name="map"\r\n\r\n{}\r\n--x--\r\n`;

it.each<[string, string | undefined, (query: string) => string]>([
  ['G17: a form', 'application/x-www-form-urlencoded', form],
  ['G17: JSON under the type of a form', 'application/x-www-form-urlencoded', json],
  ['G17: multipart', 'multipart/form-data; boundary=x', multipart],
  ['G17: plain text', 'text/plain', json],
  ['G17: plain text with a charset', 'text/plain;charset=UTF-8', json],
  ['G17: a document as such', 'application/graphql', (query) => query],
  ['G17: JSON under another type', 'application/graphql+json', json],
  ['G17: an empty type', '', json],
  ['G18: two types, the wrong one first', 'text/plain; application/json', json],
  ['G18: two types, the right one first', 'application/json, text/plain', json],
  ['G18: a parameter that names the right one', 'text/plain; x=application/json', json],
  ['G18: another charset', 'application/json; charset=utf-7', json],
  ['G18: UTF-16', 'application/json; charset=utf-16', json],
  ['G18: another parameter', 'application/json; boundary=x', json],
  ['G18: a type that begins alike', 'application/jsonp', json],
  ['G18: a suffix', 'application/vnd.api+json', json],
  ['G18: a NUL-like escape', 'application/json%00', json],
])('%s is refused with 415', async (_what, type, bodyOf) => {
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  const init = { method: 'POST', headers, body: bodyOf(mutation()) };
  expect((await sendInVain(init)).status).toBe(415);
});

it('G17: a body without any type is refused with 415', async () => {
  // the text of a Blob comes without a type of its own
  const init = { method: 'POST', body: new Blob([json(mutation())]) };
  expect((await sendInVain(init)).status).toBe(415);
});

it.each([
  ['as it is', (query: string) => `?query=${encodeURIComponent(query)}`],
  [
    'by its name',
    (query: string) =>
      `?query=${encodeURIComponent(`query q { __typename } ${query.replace('mutation', 'mutation m')}`)}&operationName=m`,
  ],
  ['with a body', (query: string) => `?query=${encodeURIComponent(query)}&variables={}`],
])('G16: a mutation by GET %s gets 405', async (_what, search) => {
  for (const accept of ['*/*', 'application/graphql-response+json']) {
    const response = await sendInVain({ headers: { accept } }, URL + search(mutation()));
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
  }
});

it.each(['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
  'G16: %s carries no mutation out',
  async (method) => {
    const search = `?query=${encodeURIComponent(mutation())}`;
    await changingNothing(() => app.app.fetch(URL + search, { method }));
  },
);

it('1.5.3: parsers agree: of a repeated key the last counts, in a limit and in what is run', async () => {
  const [first, last] = [mutation(), '{ __typename }'];
  const body = `{"query":${JSON.stringify(first)},"query":${JSON.stringify(last)}}`;
  const response = await changingNothing(() => app.post(body));
  expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
});

it.each([
  ['a byte order mark', Buffer.from(`\ufeff${json('{ __typename }')}`)],
  ['UTF-16', Buffer.from(json('{ __typename }'), 'utf16le')],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  [
    'an overlong encoding',
    Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
  ],
])('1.5.3: %s is refused', async (_what, body) => {
  const headers = { 'content-type': 'application/json' };
  expect((await sendInVain({ method: 'POST', headers, body })).status).toBe(400);
});

it('15.3.7: the query of the URL is not taken for that of the body', async () => {
  const search = `?query=${encodeURIComponent(mutation())}`;
  const response = await changingNothing(() =>
    app.app.fetch(URL + search, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: json('{ __typename }'),
    }),
  );
  expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
});

it('14.2.1: an access token in the URL opens nothing', async () => {
  const registered = await app.gql(
    `mutation { register(input: { email: "${newName()}@example.com", password: "${PASSWORD}" }) { ... on RegisterSuccess { tokens { accessToken } } } }`,
  );
  const { accessToken } = registered.data.register.tokens;
  const query = encodeURIComponent('{ me { id } }');
  for (const name of ['access_token', 'token', 'authorization']) {
    const response = await app.app.fetch(`${URL}?query=${query}&${name}=${accessToken}`);
    expect(await response.json()).toEqual({ data: { me: null } });
  }
});

it.each(['https://evil.test', 'null', 'http://localhost:4000.evil.test', 'http://localhost:4001'])(
  '3.4.2: no answer lets a page of %s read it',
  async (origin) => {
    for (const init of [
      { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } },
      {
        method: 'POST',
        headers: { origin, 'content-type': 'application/json' },
        body: json('{ __typename }'),
      },
      { headers: { origin } },
    ]) {
      const { headers } = await app.app.fetch(URL, init);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('access-control-allow-credentials')).toBeNull();
    }
  },
);
