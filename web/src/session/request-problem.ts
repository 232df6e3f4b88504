import type { CombinedError } from 'urql';
import { problemOf } from '../../../packages/client/src/index.ts';

/** A failed request. Its message is written for the user. */
export class RequestProblem extends Error {
  override name = 'RequestProblem';
}

/** Runs `work`. @returns the message for the user if a request failed */
export async function problemIn(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof RequestProblem) return error.message;
    throw error;
  }
}

/** @param error urql's error when an operation got no answer, or an answer without the requested data */
export function requestProblem(error: CombinedError | undefined): RequestProblem {
  return new RequestProblem(explain(error));
}

const UNREACHABLE = 'The service cannot be reached. Check your connection and try again.';

function explain(error: CombinedError | undefined): string {
  const { code, retryAfter = null } = problemOf(error) ?? {};
  const wait = retryAfter !== null ? `Try again ${inTime(retryAfter)}.` : 'Try again.';
  switch (code) {
    case 'UNAUTHENTICATED':
      return 'Your session has ended. Sign in again.';
    case 'FORBIDDEN':
      return 'You do not have permission to do this.';
    case 'RATE_LIMITED':
      return `Too many attempts. ${wait}`;
    case 'OVERLOADED':
      return `The service is busy. ${wait}`;
    case 'UNAVAILABLE':
      return `The service cannot reach its database at the moment. ${wait}`;
    case 'OUTCOME_UNKNOWN':
      return 'The connection was lost while saving, so your change may or may not have been saved. Reload the page to check.';
    case 'CSRF_REJECTED':
      return 'The service does not accept requests from this address. Open the page at its public address.';
    case 'BAD_USER_INPUT':
      return 'The service did not understand the request. Reload the page and try again.';
    case 'UNREACHABLE':
      return UNREACHABLE;
    default:
      return code === undefined && error?.networkError && !error.response
        ? UNREACHABLE
        : 'Something went wrong on our side. Try again in a moment.';
  }
}

/** @param seconds at least 0 */
export function inTime(seconds: number): string {
  if (seconds < 90) return `in ${plural(Math.ceil(seconds), 'second')}`;
  if (seconds < 5400) return `in ${plural(Math.ceil(seconds / 60), 'minute')}`;
  return `in ${plural(Math.ceil(seconds / 3600), 'hour')}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
