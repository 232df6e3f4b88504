import { createHmac } from 'node:crypto';

/** What came of a request, as a client sees it. */
export interface Answer {
  /** The type that a mutation answered with; undefined when nobody can tell what was done. */
  type: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: as it was asked for
  data: any;
  /** The code of a top-level error, or how the connection failed. */
  problem: string | undefined;
}

const TIMEOUT_MS = 20_000;
const TOKENS = 'tokens { accessToken refreshToken }';

export const OPERATIONS = {
  register: `mutation ($email: String!, $password: String!) {
    register(input: { email: $email, password: $password }) { __typename ... on RegisterSuccess { ${TOKENS} } } }`,
  login: `mutation ($email: String!, $password: String!) {
    login(input: { identifier: $email, password: $password }) {
      __typename ... on LoginSuccess { ${TOKENS} } ... on MfaRequired { challenge } } }`,
  completeLogin: `mutation ($challenge: String!, $code: String!) {
    completeLogin(input: { challenge: $challenge, code: $code }) { __typename ... on LoginSuccess { ${TOKENS} } } }`,
  refresh: `mutation ($refreshToken: String!) {
    refresh(input: { refreshToken: $refreshToken }) { __typename ... on RefreshSuccess { ${TOKENS} } } }`,
  updateProfile: `mutation ($currentPassword: String!, $newPassword: String!) {
    updateProfile(input: { currentPassword: $currentPassword, newPassword: $newPassword }) {
      __typename ... on UpdateProfileSuccess { ${TOKENS} } } }`,
  me: 'query { me { __typename } }',
  revokeSession: `mutation ($id: ID!) { revokeSession(id: $id) { __typename } }`,
  logout: `mutation { logout { __typename } }`,
  enableTotp: `mutation ($currentPassword: String!) {
    enableTotp(input: { currentPassword: $currentPassword }) { __typename ... on EnableTotpSuccess { secret } } }`,
  confirmTotp: `mutation ($code: String!) {
    confirmTotp(input: { code: $code }) { __typename ... on ConfirmTotpSuccess { recoveryCodes } } }`,
};

export type Operation = keyof typeof OPERATIONS;

/** Counts how often each top-level code and broken connection came back. */
export type Problems = Map<string, number>;

const byte = () => Math.floor(Math.random() * 256);

/** Asks one instance once. Never throws: a request that came to nothing is an answer too. */
export async function ask(
  url: string,
  operation: Operation,
  variables: Record<string, string>,
  token?: string,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        // as behind a proxy: people are not all at one address
        'x-forwarded-for': `10.${byte()}.${byte()}.${byte()}`,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query: OPERATIONS[operation], variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { data, errors } = (await response.json()) as {
      data?: Record<string, { __typename: string } | null>;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
    const result = data?.[operation] ?? undefined;
    const [error] = errors ?? [];
    const problem = error && (error.extensions?.code ?? error.message);
    return { type: problem ? undefined : result?.__typename, data: result, problem };
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown';
    return { type: undefined, data: undefined, problem: `no answer (${name})` };
  }
}

/** The id of the session that an access token is of. */
export function sessionOf(accessToken: string): string {
  const [, payload = ''] = accessToken.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).sid;
}

export const stepAt = (ms: number) => Math.floor(ms / 30_000);

/** What an authenticator app shows during a step of thirty seconds, after RFC 6238. */
export function totpCode(secret: string, step: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}
