import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { describe } from '../error-description.ts';
import { REQUEST_ERROR_MESSAGES, RequestError, requestErrorIn } from '../errors.ts';
import type { ServerContext } from '../http/yoga-transport.ts';
import type { Logger } from '../logger.ts';
import { MOST_ERRORS, safeMessage } from './request-problem.ts';

/**
 * Lets only what a client may know out of an error: a problem with the request is described without repeating values, a
 * RequestError keeps its code, and anything else is logged and masked.
 */
export function useErrorMask(logger: Logger): Plugin<object, ServerContext> {
  return {
    onExecutionResult({ result, setResult, context }) {
      if (result === undefined || !('errors' in result) || result.errors === undefined) return;
      const { http } = context;
      const masked = result.errors
        .slice(0, MOST_ERRORS)
        .map((error) => maskError(error, http.requestId, logger));
      http.facts.errors = [...new Set(masked.map((error) => String(error.extensions.code)))].join();
      setResult({ ...result, errors: masked });
    },
  };
}

/**
 * Masks an error immediately, but keeps the original for `useErrorMask`, which knows its request. An error that
 * bypasses that plugin leaves without any detail.
 */
export function veilError(error: unknown): Error {
  const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  if (cause instanceof GraphQLError) return cause;
  return new GraphQLError(REQUEST_ERROR_MESSAGES.INTERNAL_SERVER_ERROR, {
    ...placeOf(error),
    originalError:
      cause instanceof Error ? cause : new Error('Something other than an Error was thrown.'),
    extensions: { code: 'INTERNAL_SERVER_ERROR' },
  });
}

function placeOf(error: unknown) {
  if (!(error instanceof GraphQLError)) return {};
  const { nodes, source, positions, path } = error;
  return {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
  };
}

/** The form in which an error may leave the service. */
function maskError(error: GraphQLError, requestId: string, logger: Logger): GraphQLError {
  const cause = requestErrorIn(error.originalError) ?? error.originalError ?? error;
  if (cause instanceof RequestError) {
    const { code, message, retryAfter } = cause;
    if (cause.cause !== undefined) {
      logger.warn(
        // no stack: an outage causes hundreds of these, and where the driver made them says nothing
        { failure: describe(cause.cause, { stack: false }), answer: code, requestId },
        'the database failed',
      );
    }
    const extensions = {
      code,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      // Yoga moves these to the HTTP response and removes them from the error
      ...(code === 'CSRF_REJECTED' ? { http: { status: 403 } } : {}),
      ...(retryAfter === undefined
        ? {}
        : { http: { headers: { 'retry-after': String(retryAfter) } } }),
    };
    return new GraphQLError(message, { ...placeOf(error), extensions });
  }
  if (cause instanceof GraphQLError) {
    return new GraphQLError(safeMessage(cause.message), {
      ...placeOf(error),
      extensions: { ...cause.extensions, code: 'BAD_USER_INPUT' },
    });
  }
  logger.error({ failure: describe(cause), requestId }, 'unexpected error');
  return new GraphQLError(REQUEST_ERROR_MESSAGES.INTERNAL_SERVER_ERROR, {
    ...placeOf(error),
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
  });
}
