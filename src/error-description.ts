/**
 * How the log describes an error. Drizzle's message contains the query parameters, password hashes among them, so it is
 * left out; its cause says enough.
 */
export function describe(error: unknown, options = { stack: true }): object {
  if (!(error instanceof Error)) return { message: 'something other than an Error was thrown' };
  const isQuery = error.name === 'DrizzleQueryError' || 'query' in error;
  const code = 'code' in error ? String(error.code) : undefined;
  return {
    name: error.name,
    message: isQuery ? 'a query failed' : error.message,
    ...(code === undefined ? {} : { code }),
    stack: isQuery || !options.stack ? undefined : error.stack,
    ...(error.cause === undefined ? {} : { cause: describe(error.cause, options) }),
  };
}
