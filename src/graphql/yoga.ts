import { createYoga } from 'graphql-yoga';
import type { Deps } from '../flows/deps.ts';
import { createDocumentCache, NO_CACHE } from '../http/document-cache.ts';
import {
  type ServerContext,
  useRequestErrorStatus,
  yogaTransportOptions,
} from '../http/yoga-transport.ts';
import type { Tracer } from '../telemetry/tracing.ts';
import { createContext } from './context.ts';
import { useDocumentLimits } from './document-limits.ts';
import { useErrorMask, veilError } from './error-mask.ts';
import { createRateLimiter } from './rate-limit.ts';
import { useOperationName } from './request-facts.ts';
import { schema } from './schema.ts';
import { useTracing } from './tracing.ts';
import { useTrustedDocuments } from './trusted-documents.ts';
import { useVariableCheck } from './variable-problems.ts';

/**
 * Makes the Yoga server: the schema, the context of each request, and the plugins in order.
 *
 * @param ownDocuments files of documents that may run in addition to those of PERSISTED_OPERATIONS
 */
export function createYogaServer(
  deps: Deps,
  tracer: Tracer | undefined,
  ownDocuments: readonly string[] = [],
) {
  const rateLimiter = createRateLimiter(deps);
  const { persistedOperations } = deps.config;
  return createYoga<ServerContext, object>({
    ...yogaTransportOptions,
    schema,
    context: (server) =>
      tracer === undefined
        ? createContext(deps, rateLimiter, server)
        : tracer.span('context', () => createContext(deps, rateLimiter, server)),
    logging: false,
    maskedErrors: { maskError: veilError },
    parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: NO_CACHE },
    plugins: [
      ...(persistedOperations === undefined
        ? []
        : [useTrustedDocuments([persistedOperations, ...ownDocuments])]),
      useDocumentLimits(deps.config),
      useOperationName(),
      useVariableCheck(),
      ...(tracer === undefined ? [] : [useTracing(tracer)]),
      useErrorMask(deps.logger),
      useRequestErrorStatus(),
    ],
  });
}
