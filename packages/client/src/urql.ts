import {
  type Exchange,
  makeErrorResult,
  makeOperation,
  type Operation,
  type OperationContext,
  type OperationResult,
} from '@urql/core';
import {
  empty,
  filter,
  fromPromise,
  fromValue,
  makeSubject,
  merge,
  mergeMap,
  pipe,
  type Source,
  share,
  takeUntil,
} from 'wonka';
import type { Attempt, Latchkey } from './latchkey.ts';
import { isUnauthenticated } from './problem.ts';

/**
 * A urql exchange to put before the `fetchExchange`, which may lead to Latchkey itself or to another API that trusts its
 * tokens. It sends each operation with the session's credentials. If the API rejects them, the exchange refreshes the session
 * and sends the operation once more.
 */
export function latchkeyExchange(latchkey: Latchkey): Exchange {
  return ({ forward }) =>
    (operations) => {
      const shared = share(operations);
      const failures = makeSubject<OperationResult>();
      const repeated = makeSubject<Operation>();

      /** Emits the promise's value unless the operation is torn down first. A rejection becomes the operation's result. */
      const until = <T>(operation: Operation, promise: Promise<T>): Source<T> => {
        const settled = promise.catch((error: Error) => {
          failures.next(makeErrorResult(operation, error));
          return null;
        });
        const teardown = filter<Operation>(
          ({ kind, key }) => kind === 'teardown' && key === operation.key,
        );
        return pipe(
          fromPromise(settled),
          takeUntil(teardown(shared)),
          mergeMap((value) => (value === null ? (empty as Source<T>) : fromValue(value))),
        );
      };

      const begun = pipe(
        shared,
        mergeMap((operation) => {
          if (operation.kind === 'teardown') return fromValue(operation);
          const begin = latchkey.begin(operation.query, operation.variables ?? {});
          return pipe(
            until(operation, begin),
            mergeMap((attempt) => fromValue(withAttempt(operation, attempt, attempt))),
          );
        }),
      );

      const results = pipe(
        merge([begun, repeated.source]),
        forward,
        mergeMap((result) => {
          const { operation } = result;
          const { latchkeyAttempt: attempt } = operation.context as SentContext;
          if (attempt === null || !isRefused(result)) {
            return until(
              operation,
              latchkey.learn(result.data).then(() => result),
            );
          }
          return pipe(
            until(
              operation,
              latchkey.again(attempt).then((next) => ({ next })),
            ),
            mergeMap(({ next }) => {
              if (next === null) return fromValue(result);
              repeated.next(withAttempt(operation, next, null));
              return empty as Source<OperationResult>;
            }),
          );
        }),
      );
      return merge([results, failures.source]);
    };
}

/** What the operation was first sent with; `null` on the second attempt, which is the last. */
interface SentContext extends OperationContext {
  latchkeyAttempt: Attempt<object> | null;
}

function withAttempt(
  operation: Operation,
  attempt: Attempt<object>,
  latchkeyAttempt: Attempt<object> | null,
): Operation {
  const { fetchOptions } = operation.context;
  const given = typeof fetchOptions === 'function' ? fetchOptions() : fetchOptions;
  return makeOperation(
    operation.kind,
    { ...operation, variables: attempt.variables },
    {
      ...operation.context,
      latchkeyAttempt,
      fetchOptions: {
        ...given,
        ...(attempt.credentials && { credentials: attempt.credentials }),
        headers: { ...headersOf(given?.headers), ...attempt.headers },
      },
    },
  );
}

function headersOf(headers: HeadersInit | undefined): Record<string, string> {
  return Object.fromEntries(new Headers(headers));
}

function isRefused({ error }: OperationResult): boolean {
  const { status } = (error?.response ?? {}) as { status?: number };
  return status === 401 || isUnauthenticated(error?.graphQLErrors);
}
