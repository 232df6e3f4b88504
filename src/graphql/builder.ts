import SchemaBuilder from '@pothos/core';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { GraphQLError, Kind, type ValueNode } from 'graphql';
import { RequestError } from '../errors.ts';
import { mayAdminister } from '../flows/access-denial.ts';
import { readInstant } from '../instant.ts';
import type { Json } from '../json.ts';
import type { Context, SignedInContext } from './context.ts';

/** Builds the schema. Types are defined in the other files of this folder, each beside the fields that return it. */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultAuthStrategy: 'all';
  DefaultFieldNullability: false;
  AuthScopes: {
    /** Anybody. Stated explicitly, so that a field without a scope is a mistake and not an open door. */
    public: boolean;
    /** Anybody, except requests whose credentials are invalid or have expired. */
    credentialsNotRejected: boolean;
    signedIn: boolean;
    admin: boolean;
  };
  AuthContexts: { signedIn: SignedInContext; admin: SignedInContext };
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: Json; Output: Json };
    ID: { Input: string; Output: string };
  };
}>({
  plugins: [ScopeAuthPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    // require all scopes of a field; if any one sufficed, the weakest would decide
    defaultStrategy: 'all',
    authScopes: (context) => ({
      public: true,
      credentialsNotRejected: context.credentials !== 'rejected',
      signedIn: context.viewer !== null,
      // evaluated at most once per request, and only if a field requires it
      admin: () => mayAdminister(context.deps, context.viewer, context.client),
    }),
    unauthorizedError: (_parent, context) =>
      new RequestError(context.viewer === null ? 'UNAUTHENTICATED' : 'FORBIDDEN'),
  },
});

builder.queryType({ description: 'The entry points for reading data.' });
builder.mutationType({
  description:
    'The operations that change data. One that can fail in expected ways returns a union: its success, and every failure that a client must tell apart.',
});

builder.scalarType('DateTime', {
  description:
    'An instant in UTC, in ISO 8601 with milliseconds, such as 2026-01-31T12:00:00.000Z.',
  serialize: (instant) => instant.toISOString(),
  parseValue(value) {
    const instant = typeof value === 'string' ? readInstant(value) : undefined;
    if (instant === undefined) throw new GraphQLError('Expected an ISO 8601 date-time.');
    return instant;
  },
});

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value as Json,
  parseLiteral: (node, variables) => jsonOf(node, variables ?? {}),
});

function jsonOf(node: ValueNode, variables: Record<string, unknown>): Json {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((value) => jsonOf(value, variables));
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map((field) => [field.name.value, jsonOf(field.value, variables)]),
      );
    case Kind.VARIABLE:
      return (variables[node.name.value] ?? null) as Json;
    case Kind.NULL:
      return null;
    default:
      throw new GraphQLError('Expected a JSON value.');
  }
}
