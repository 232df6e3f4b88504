import { type GraphqlProblem, LatchkeyError, problemIn } from './problem.ts';
import type { GivenTokens } from './session-record.ts';

/** As much of `fetch` as is needed. */
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

/** A GraphQL answer, whatever is in it. */
export interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly GraphqlProblem[];
}

/**
 * The operations that the kit sends by itself. A service with PERSISTED_OPERATIONS needs them on its list.
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

/** What came of a refresh: the tokens (`null` when they came as cookies), or that the session is over. */
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
    // given up by the caller, who knows
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
    // told below: a proxy's page, most likely
  }
  if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer)) {
    return answer;
  }
  // an API that is refused by what stands before it
  if (status === 401) {
    const extensions = { code: 'UNAUTHENTICATED' };
    return { errors: [{ message: 'The answer is 401 Unauthorized.', extensions }] };
  }
  throw new LatchkeyError('BAD_ANSWER', `The answer, of status ${status}, is not GraphQL's.`);
}

/** The error of an answer with top-level errors. */
export function errorOf({ data, errors = [] }: Answer): LatchkeyError {
  const problem = problemIn(errors);
  const message = errors[0]?.message ?? 'The answer holds nothing.';
  const retryAfter = problem?.retryAfter ?? null;
  return new LatchkeyError(problem?.code ?? 'BAD_ANSWER', message, { retryAfter, errors, data });
}

/** What an answer to `refresh` comes to. @throws {LatchkeyError} when it neither renews nor refuses */
export function readRefresh(answer: Answer): Refreshed {
  const { refresh } = (answer.data ?? {}) as {
    refresh?: { __typename: string; tokens?: GivenTokens | null };
  };
  if (!refresh) throw errorOf(answer);
  return refresh.__typename === 'RefreshSuccess' ? { tokens: refresh.tokens ?? null } : 'refused';
}
