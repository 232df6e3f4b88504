import type { GraphQLSchema } from 'graphql';
import { RequestError } from '../errors.ts';
import type { Context } from './context.ts';

/** Counts the outcome of each mutation if metrics are on: the member of its union, or the code of its error. */
export function withOutcomes(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { name, resolve } = field;
    if (resolve === undefined) continue;
    field.resolve = (source, args, context: Context, info) => {
      const { metrics } = context.deps;
      const result: unknown = resolve(source, args, context, info);
      if (metrics === undefined) return result;
      const counted = Promise.resolve(result);
      counted.then(
        (value) => metrics.mutation(name, outcomeOf(value)),
        (error: unknown) => metrics.mutation(name, codeOf(error)),
      );
      return counted;
    };
  }
  return schema;
}

function outcomeOf(value: unknown): string {
  const isMember = typeof value === 'object' && value !== null && 'kind' in value;
  return isMember && typeof value.kind === 'string' ? value.kind : 'ok';
}

function codeOf(error: unknown): string {
  return error instanceof RequestError ? error.code : 'INTERNAL_SERVER_ERROR';
}
