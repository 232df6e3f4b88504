import { AuthError, type ErrorCode } from '../errors.ts';
import { builder } from './builder.ts';
import { type Failure, failure, failureOf } from './failure.ts';

type Types = (typeof builder)['$inferSchemaTypes'];

/** What a mutation's success looks like to its union: plain data that says which member it is. */
interface Success {
  kind: string;
}

type SuccessRef = PothosSchemaTypes.ObjectRef<Types, Success>;

/**
 * The union that a mutation answers with.
 *
 * @param successes its successes, each an object type of the name that its values have as `kind`
 * @param failures the failures that its flow can end with
 */
export function resultUnion<Refs extends readonly SuccessRef[]>(
  name: string,
  description: string,
  successes: Refs,
  failures: readonly ErrorCode[],
) {
  return builder.unionType(name, {
    description,
    types: [...successes, ...failures.map(failure)] as (
      | Refs[number]
      | ReturnType<typeof failure>
    )[],
    resolveType(value: Success, { http }) {
      // what the request came to is worth a word in its log line
      http.facts.outcome = value.kind;
      return value.kind;
    },
  });
}

/** Waits for a flow and makes its expected failure a member of the result union; any other stays a throw. */
export async function asResult<T>(flow: Promise<T>): Promise<T | Failure> {
  try {
    return await flow;
  } catch (error) {
    if (error instanceof AuthError) return failureOf(error);
    throw error;
  }
}
