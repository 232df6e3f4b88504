import type { Latchkey } from './latchkey.ts';
import { printDocument } from './print.ts';
import { isUnauthenticated } from './problem.ts';
import { errorOf, post } from './service.ts';
import type { TypedDocument, TypedText } from './typed-document.ts';

/** How to send one operation. */
export interface RequestOptions {
  /** The endpoint of another API that trusts Latchkey's tokens; defaults to Latchkey's own. */
  url?: string;
  signal?: AbortSignal;
}

/** The variables, which may be omitted if all of them are optional, and the options. */
export type RequestArguments<Variables> =
  Record<never, never> extends Variables
    ? [variables?: Variables, options?: RequestOptions]
    : [variables: Variables, options?: RequestOptions];

/**
 * Runs an operation with the session's credentials. If they are rejected, refreshes the session and tries once more. A plain
 * string carries no types, so specify the result's: `request<{ me: { id: string } | null }>(...)`.
 *
 * @returns the data
 * @throws {LatchkeyError} for any top-level error, with its code, and with `retryAfter` if the service says how long to wait
 */
export async function request<Result, Variables extends object = Record<string, unknown>>(
  latchkey: Latchkey,
  document: TypedDocument<Result, Variables> | TypedText<Result, Variables> | string,
  ...[variables, options = {}]: RequestArguments<Variables>
): Promise<Result> {
  const { url = latchkey.url, signal } = options;
  const source = document instanceof String ? String(document) : document;
  const query = typeof source === 'string' ? source : printDocument(source);

  let attempt = await latchkey.begin(source, variables ?? {});
  const send = () =>
    post(
      latchkey.fetch,
      url,
      { query, variables: attempt.variables },
      {
        headers: attempt.headers,
        ...(attempt.credentials && { credentials: attempt.credentials }),
        ...(signal && { signal }),
      },
    );
  let { answer, status } = await send();
  if (status === 401 || isUnauthenticated(answer.errors)) {
    const next = await latchkey.again(attempt);
    if (next !== null) {
      attempt = next;
      ({ answer, status } = await send());
    }
  }
  await latchkey.learn(answer.data);
  if (answer.errors?.length || answer.data == null) throw errorOf(answer);
  return answer.data as Result;
}
