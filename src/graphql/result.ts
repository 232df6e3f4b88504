import { AuthError, type ErrorCode } from '../errors.ts';
import { builder } from './builder.ts';
import { type Failure, failure, failureOf } from './failure.ts';

type Types = (typeof builder)['$inferSchemaTypes'];

/** A mutation's success as its union sees it: plain data, whose `kind` is the name of the member type. */
interface Success {
  kind: string;
}

type SuccessRef = PothosSchemaTypes.ObjectRef<Types, Success>;

/**
 * Defines the result union of a mutation.
 *
 * @param successes the object types of its successes; each has the name that its values have as `kind`
 * @param failures the expected failures of its flow
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
      // log which member the mutation answered with
      http.facts.outcome = value.kind;
      return value.kind;
    },
  });
}

/** Awaits a flow and turns an expected failure into a member of the result union. Other errors are still thrown. */
export async function asResult<T>(flow: Promise<T>): Promise<T | Failure> {
  try {
    return await flow;
  } catch (error) {
    if (error instanceof AuthError) return failureOf(error);
    throw error;
  }
}
