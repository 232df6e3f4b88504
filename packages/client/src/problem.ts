/**
 * The codes of the service's top-level errors, and two of the kit's own: UNREACHABLE for no answer, BAD_ANSWER for an answer
 * that is not GraphQL.
 */
export type ProblemCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'RATE_LIMITED'
  | 'OVERLOADED'
  | 'UNAVAILABLE'
  | 'OUTCOME_UNKNOWN'
  | 'BAD_USER_INPUT'
  | 'CSRF_REJECTED'
  | 'INTERNAL_SERVER_ERROR'
  | 'UNREACHABLE'
  | 'BAD_ANSWER';

/** The parts of a top-level GraphQL error that the kit reads. */
export interface GraphqlProblem {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** Thrown when there is no usable answer. */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError';
  /** What went wrong, for programs. Other APIs may use their own codes. */
  readonly code: ProblemCode | (string & {});
  /** Seconds to wait before a retry, for RATE_LIMITED, OVERLOADED, UNAVAILABLE and OUTCOME_UNKNOWN; otherwise `null`. */
  readonly retryAfter: number | null;
  /** The top-level errors of the answer. */
  readonly errors: readonly GraphqlProblem[];
  /** The data that came with the errors, if any. */
  readonly data: unknown;

  constructor(
    code: string,
    message: string,
    more: {
      retryAfter?: number | null;
      errors?: readonly GraphqlProblem[];
      data?: unknown;
      cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.code = code;
    this.retryAfter = more.retryAfter ?? null;
    this.errors = more.errors ?? [];
    this.data = more.data ?? null;
  }
}

/** What went wrong, for programs. */
export interface Problem {
  readonly code: string;
  /** Seconds to wait before a retry, or `null`. */
  readonly retryAfter: number | null;
}

interface ErrorLike {
  readonly code?: unknown;
  readonly retryAfter?: unknown;
  readonly errors?: readonly GraphqlProblem[];
  readonly graphQLErrors?: readonly GraphqlProblem[];
  readonly networkError?: unknown;
}

/**
 * Reads the code and the waiting time from an error of `request`, Apollo Client or urql.
 *
 * @returns `null` for an error that no GraphQL service sent, such as a network failure
 */
export function problemOf(error: unknown): Problem | null {
  if (typeof error !== 'object' || error === null) return null;
  if (error instanceof LatchkeyError) return { code: error.code, retryAfter: error.retryAfter };
  const { errors, graphQLErrors, networkError } = error as ErrorLike;
  return problemIn(errors ?? graphQLErrors) ?? problemOf(networkError);
}

/** The first code among top-level errors. */
export function problemIn(errors: readonly GraphqlProblem[] | null | undefined): Problem | null {
  for (const { extensions } of Array.isArray(errors) ? errors : []) {
    if (typeof extensions?.code !== 'string') continue;
    const { code, retryAfter } = extensions;
    return { code, retryAfter: typeof retryAfter === 'number' ? retryAfter : null };
  }
  return null;
}

/** Whether an answer says that the credentials were missing or no longer valid. */
export function isUnauthenticated(errors: readonly GraphqlProblem[] | null | undefined): boolean {
  return (errors ?? []).some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
}
