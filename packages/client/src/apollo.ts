import { ApolloLink } from '@apollo/client';
import { ServerError } from '@apollo/client/errors';
import { catchError, from, mergeMap, type Observable, of, throwError } from 'rxjs';
import type { Attempt, Latchkey } from './latchkey.ts';
import { isUnauthenticated } from './problem.ts';

export { possibleTypes } from './generated/possible-types.ts';

type Variables = ApolloLink.Operation['variables'];

/**
 * An Apollo link to put before the `HttpLink`, which may lead to Latchkey itself or to another API that trusts its tokens.
 * It sends each operation with the session's credentials. If the API rejects them, the link refreshes the session and sends
 * the operation once more.
 */
export function latchkeyLink(latchkey: Latchkey): ApolloLink {
  return new ApolloLink((operation, forward) => {
    const send = (attempt: Attempt<Variables>) => {
      operation.variables = attempt.variables;
      operation.setContext(({ headers, credentials }) => ({
        headers: { ...headers, ...attempt.headers },
        credentials: attempt.credentials ?? credentials,
      }));
      return forward(operation);
    };

    /** Sends the operation again if it can succeed; otherwise passes the first answer on. */
    const again = <T>(attempt: Attempt<Variables>, otherwise: Observable<T>) =>
      from(latchkey.again(attempt)).pipe(
        mergeMap((next): Observable<T | ApolloLink.Result> => (next ? send(next) : otherwise)),
      );

    const first = (attempt: Attempt<Variables>) =>
      send(attempt).pipe(
        mergeMap((result) =>
          isUnauthenticated(result.errors) ? again(attempt, of(result)) : of(result),
        ),
        catchError((error: unknown) => {
          const failed = throwError(() => error);
          return ServerError.is(error) && error.statusCode === 401
            ? again(attempt, failed)
            : failed;
        }),
      );

    return from(latchkey.begin(operation.query, operation.variables)).pipe(
      mergeMap(first),
      mergeMap((result) => from(latchkey.learn(result.data).then(() => result))),
    );
  });
}
