/** The codes of top-level errors of the service, and two of the kit's own: no answer, and one that is none. */
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

/** A top-level GraphQL error, as far as the kit reads it. */
export interface GraphqlProblem {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** Why something did not get an answer that can be used. */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError';
  /** What went wrong, for programs. Other APIs may have codes of their own. */
  readonly code: ProblemCode | (string & {});
  /** Seconds after which trying again makes sense; with RATE_LIMITED, OVERLOADED, UNAVAILABLE and OUTCOME_UNKNOWN. */
  readonly retryAfter: number | null;
  /** The top-level errors of the answer. */
  readonly errors: readonly GraphqlProblem[];
  /** What there is of data beside the errors. */
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
  /** Seconds after which trying again makes sense, or `null`. */
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
 * The code of a failed operation and how long to wait, from what `request`, Apollo Client or urql gave as its error.
 *
 * @returns `null` when it is not an error of a GraphQL service, such as a lost network
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

/** Whether an answer says that its credentials were missing or no longer good. */
export function isUnauthenticated(errors: readonly GraphqlProblem[] | null | undefined): boolean {
  return (errors ?? []).some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');
}
