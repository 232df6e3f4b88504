import type { Workload } from './load/workload.ts';
import { emailOf } from './population.ts';
import type { Latchkey } from './stage.ts';

/** The tokens of a sign-in. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const SIGNED_IN = 'user { id email } tokens { accessToken refreshToken }';
const ME = '{ me { id email } }';
const REFRESH = `mutation Refresh($input: RefreshInput) {
  refresh(input: $input) { __typename ... on RefreshSuccess { ${SIGNED_IN} } }
}`;
const LOGIN = `mutation Login($input: LoginInput!) {
  login(input: $input) { __typename ... on LoginSuccess { ${SIGNED_IN} } }
}`;
const REGISTER = `mutation Register($input: RegisterInput!) {
  register(input: $input) { __typename ... on RegisterSuccess { ${SIGNED_IN} } }
}`;

/** Who am I: the connection's token is an access token. It also asks the peers, which take any request for it. */
export function meWorkload(serverUrl: string): Workload {
  return {
    url: `${serverUrl}/graphql`,
    headers: { authorization: 'Bearer {token}' },
    body: JSON.stringify({ query: ME }),
    expect: '{"data":{"me":{"id":"',
  };
}

/** Each connection has a chain of refresh tokens of its own. */
export function refreshWorkload(serverUrl: string): Workload {
  return {
    url: `${serverUrl}/graphql`,
    headers: {},
    body: JSON.stringify({ query: REFRESH, variables: { input: { refreshToken: '{token}' } } }),
    expect: '"RefreshSuccess"',
    tokenAfter: '"refreshToken":"',
  };
}

/** @param account the number of the one that signs in again and again; without it all do, one after the other */
export function loginWorkload(service: Latchkey, account: number | '{n}' = '{n}'): Workload {
  const { password } = service.population;
  const input = { identifier: emailOf(account), password };
  return {
    url: `${service.url}/graphql`,
    headers: {},
    body: JSON.stringify({ query: LOGIN, variables: { input } }),
    numbers: service.population.firstReserved,
    expect: '"LoginSuccess"',
  };
}

/** Each request registers another account. */
export function registerWorkload(service: Latchkey): Workload {
  const { password } = service.population;
  const input = { email: `new-${emailOf('{n}')}`, password };
  return {
    url: `${service.url}/graphql`,
    headers: {},
    body: JSON.stringify({ query: REGISTER, variables: { input } }),
    expect: '"RegisterSuccess"',
  };
}

/** What the endpoint that only hashes is asked for. */
export function hashWorkload(serverUrl: string, what: 'hash' | 'verify'): Workload {
  return { url: `${serverUrl}/${what}`, headers: {}, body: '{}', expect: 'ok' };
}

/** Signs in accounts that are kept for it. */
export function signIn(service: Latchkey, accounts: number): Promise<Tokens[]> {
  const first = service.population.firstReserved;
  return Promise.all(Array.from({ length: accounts }, (_, i) => signInOne(service, first + i)));
}

async function signInOne(service: Latchkey, number: number): Promise<Tokens> {
  const { url, headers, body } = loginWorkload(service, number);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const text = await response.text();
  const tokens = JSON.parse(text).data?.login?.tokens;
  if (!tokens) throw new Error(`Account ${number} could not sign in: ${text}`);
  return tokens;
}
