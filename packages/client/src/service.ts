import { type GraphqlProblem, LatchkeyError, problemIn } from './problem.ts';
import type { GivenTokens } from './session-record.ts';

/** The subset of `fetch` that the kit needs. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchAnswer>;

export interface FetchInit {
  method: 'POST';
  headers: Record<string, string>;
  body: string;
  credentials?: 'include';
  signal?: AbortSignal;
}

export interface FetchAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null; getSetCookie?(): string[] };
  text(): Promise<string>;
}

/** A GraphQL response. */
export interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly GraphqlProblem[];
}

/**
 * The operations that the kit sends on its own. With PERSISTED_OPERATIONS, put them on the service's list.
 */
export const OWN_OPERATIONS = {
  LatchkeyRefresh: `mutation LatchkeyRefresh($input: RefreshInput) {
  refresh(input: $input) {
    __typename
    ... on RefreshSuccess { tokens { accessToken refreshToken } }
  }
}`,
  LatchkeyLogout: `mutation LatchkeyLogout($everywhere: Boolean, $refreshToken: String) {
  logout(everywhere: $everywhere, refreshToken: $refreshToken) { endedSessions }
}`,
  LatchkeyProbe: 'query LatchkeyProbe { me { __typename } }',
} as const;

const GIVEN_UP = ['AbortError', 'TimeoutError'];

/** The result of a refresh: the tokens (`null` if they came as cookies), or `refused` if the session is over. */
export type Refreshed = { tokens: GivenTokens | null } | 'refused';

/** Posts a GraphQL operation. @throws {LatchkeyError} UNREACHABLE or BAD_ANSWER */
export async function post(
  fetch: Fetch,
  url: string,
  body: { query: string; variables?: unknown },
  init: { headers: Record<string, string>; credentials?: 'include'; signal?: AbortSignal },
): Promise<{ answer: Answer; status: number; setCookies: string[] }> {
  let response: FetchAnswer;
  let text: string;
  try {
    response = await fetch(url, {
      ...init,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...init.headers,
      },
      body: JSON.stringify(body),
    });
    text = await response.text();
  } catch (cause) {
    // the caller aborted the request and expects its own error
    if (init.signal?.aborted && GIVEN_UP.includes((cause as Error).name)) throw cause;
    throw new LatchkeyError('UNREACHABLE', 'The service cannot be reached.', { cause });
  }
  return {
    answer: parseAnswer(text, response.status),
    status: response.status,
    setCookies: response.headers.getSetCookie?.() ?? [],
  };
}

function parseAnswer(text: string, status: number): Answer {
  let answer: Answer | null = null;
  try {
    answer = JSON.parse(text) as Answer | null;
  } catch {
    // most likely a proxy's error page; reported below
  }
  if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer)) {
    return answer;
  }
  // a gateway in front of the API refused the request
  if (status === 401) {
    const extensions = { code: 'UNAUTHENTICATED' };
    return { errors: [{ message: 'The answer is 401 Unauthorized.', extensions }] };
  }
  throw new LatchkeyError('BAD_ANSWER', `The answer (status ${status}) is not a GraphQL response.`);
}

/** Turns an answer with top-level errors into a LatchkeyError. */
export function errorOf({ data, errors = [] }: Answer): LatchkeyError {
  const problem = problemIn(errors);
  const message = errors[0]?.message ?? 'The answer has no data.';
  const retryAfter = problem?.retryAfter ?? null;
  return new LatchkeyError(problem?.code ?? 'BAD_ANSWER', message, { retryAfter, errors, data });
}

/** Reads the answer to `refresh`. @throws {LatchkeyError} if it neither renews the session nor refuses to */
export function readRefresh(answer: Answer): Refreshed {
  const { refresh } = (answer.data ?? {}) as {
    refresh?: { __typename: string; tokens?: GivenTokens | null };
  };
  if (!refresh) throw errorOf(answer);
  return refresh.__typename === 'RefreshSuccess' ? { tokens: refresh.tokens ?? null } : 'refused';
}
