import { crowdEmail, crowdUsername, PLAIN } from './crowd.ts';
import type { CrowdedLatchkey, PopulatedLatchkey } from './latchkey.ts';
import type { Workload } from './load/workload.ts';
import { emailOf, PASSWORD } from './population.ts';

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
// a prime, so that requests are spread over a crowd's whole tables and no account comes again soon
const STRIDE = 7919;

/** `me`, with an access token as the connection's token. Also used for the peers, which give this answer to any request. */
export function meWorkload(serverUrl: string): Workload {
  return asAccount(serverUrl, ME, '{"data":{"me":{"id":"');
}

/** Any query, as the account whose access token is the connection's token. */
export function asAccount(serverUrl: string, query: string, expect: string): Workload {
  return {
    url: `${serverUrl}/graphql`,
    headers: { authorization: 'Bearer {token}' },
    body: JSON.stringify({ query }),
    expect,
  };
}

/** Refreshes. Each connection has its own chain of refresh tokens. */
export function refreshWorkload(serverUrl: string): Workload {
  return {
    url: `${serverUrl}/graphql`,
    headers: {},
    body: JSON.stringify({ query: REFRESH, variables: { input: { refreshToken: '{token}' } } }),
    expect: '"RefreshSuccess"',
    tokenAfter: '"refreshToken":"',
  };
}

/** Sign-ins. @param account the number of the account that signs in repeatedly; by default, all accounts do in turn */
export function loginWorkload(
  { url, population }: Pick<PopulatedLatchkey, 'url' | 'population'>,
  account: number | '{n}' = '{n}',
): Workload {
  return { ...loginAs(url, emailOf(account)), numbers: population.firstReserved };
}

/** Sign-ins of accounts from all over a crowd. */
export function crowdLoginWorkload({ url, accounts }: CrowdedLatchkey): Workload {
  const identifier = crowdUsername(0).replace('0', '{n}');
  return {
    ...loginAs(url, identifier),
    numbers: plainOnes(accounts) * PLAIN,
    step: STRIDE * PLAIN,
  };
}

function plainOnes(accounts: number): number {
  return Math.max(1, Math.floor(accounts / PLAIN));
}

function loginAs(serverUrl: string, identifier: string): Workload {
  return {
    url: `${serverUrl}/graphql`,
    headers: {},
    body: JSON.stringify({
      query: LOGIN,
      variables: { input: { identifier, password: PASSWORD } },
    }),
    expect: '"LoginSuccess"',
  };
}

/** Registrations, each of a new account. */
export function registerWorkload({ url }: PopulatedLatchkey): Workload {
  const input = { email: `new-${emailOf('{n}')}`, password: PASSWORD };
  return {
    url: `${url}/graphql`,
    headers: {},
    body: JSON.stringify({ query: REGISTER, variables: { input } }),
    expect: '"RegisterSuccess"',
  };
}

/** Requests to the endpoint that only hashes. */
export function hashWorkload(serverUrl: string, what: 'hash' | 'verify'): Workload {
  return { url: `${serverUrl}/${what}`, headers: {}, body: '{}', expect: 'ok' };
}

/** Signs in accounts that are reserved for this. */
export function signIn(
  { url, population }: PopulatedLatchkey,
  accounts: number,
): Promise<Tokens[]> {
  const emails = Array.from({ length: accounts }, (_, i) => emailOf(population.firstReserved + i));
  return Promise.all(emails.map((email) => signInOne(url, email)));
}

/** Signs in accounts from all over a crowd, beginning with its first account. */
export function signInCrowd({ url, accounts: all }: CrowdedLatchkey, accounts: number) {
  const apart = plainOnes(all) / accounts;
  const emails = Array.from({ length: accounts }, (_, i) =>
    crowdEmail(Math.floor(i * apart) * PLAIN),
  );
  return Promise.all(emails.map((email) => signInOne(url, email)));
}

async function signInOne(serverUrl: string, identifier: string): Promise<Tokens> {
  const { answer, text } = await post(loginAs(serverUrl, identifier));
  const tokens = answer.ok && JSON.parse(text).data?.login?.tokens;
  if (!tokens) throw new Error(`${identifier} could not sign in: ${text}`);
  return tokens;
}

/** better-auth's request for the current session, with a cookie as the connection's token. */
export function betterAuthSessionWorkload(serverUrl: string): Workload {
  return {
    url: `${serverUrl}/api/auth/get-session`,
    headers: { cookie: '{token}' },
    expect: '"session":{',
  };
}

/** Sign-ins at better-auth. @param numbers how many accounts sign in, in turn */
export function betterAuthLoginWorkload(serverUrl: string, numbers: number): Workload {
  return { ...betterAuthLogin(serverUrl, emailOf('{n}')), numbers };
}

function betterAuthLogin(serverUrl: string, email: string): Workload {
  return {
    url: `${serverUrl}/api/auth/sign-in/email`,
    // browsers send the origin, and better-auth refuses a sign-in without it
    headers: { origin: serverUrl },
    body: JSON.stringify({ email, password: PASSWORD }),
    expect: '"token":"',
  };
}

/** Signs in the first accounts at better-auth. @returns their cookies */
export function signInToBetterAuth(serverUrl: string, accounts: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: accounts }, async (_, number) => {
      const { answer, text } = await post(betterAuthLogin(serverUrl, emailOf(number)));
      const [cookie] = answer.headers.getSetCookie();
      if (cookie === undefined) throw new Error(`${number} could not sign in: ${text}`);
      return cookie.slice(0, cookie.indexOf(';'));
    }),
  );
}

async function post({ url, headers, body = '' }: Workload) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { answer, text: await answer.text() };
}
