import type { HttpHandler, HttpResponse, Route } from './exchange.ts';

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };

/** How readiness is found out and how long an answer stands. */
export interface ReadinessOptions {
  /** Whether the service can do its work now, e.g. whether the database answers. */
  readonly isReady: () => Promise<boolean>;
  /** Whether the process is about to stop: then the answer is "not ready" at once, whatever was found out. */
  readonly isRetired?: () => boolean;
  /** After this long the answer is "not ready". */
  readonly timeoutMs?: number;
  /** Told when the answer is another than before, with what failed; the first is expected to be "ready". */
  readonly changed?: (isReady: boolean, failure: unknown) => void;
  /** How long one answer is given again without asking. */
  readonly cacheMs?: number;
  /** A monotonic clock in milliseconds. */
  readonly clock?: () => number;
}

/** `/health`: the process is alive and its event loop turns. */
export function createHealthRoute(): Route {
  const alive = status(200, 'ok');
  return { GET: () => Promise.resolve(alive) };
}

/**
 * `/ready`: the service can serve. However many ask, at most one question is out at a time and its
 * answer is kept for a moment, so that this path cannot be used to flood the database.
 */
export function createReadinessRoute(options: ReadinessOptions): Route {
  const { isReady, timeoutMs = 2000, cacheMs = 1000, clock = () => performance.now() } = options;
  const { isRetired = () => false, changed = () => undefined } = options;
  const ready = status(200, 'ready');
  const notReady = status(503, 'not ready');
  let known: { readonly response: HttpResponse; readonly until: number } | undefined;
  let asking: Promise<HttpResponse> | undefined;
  let wasReady = true;

  async function ask(): Promise<HttpResponse> {
    const found = await answersInTime(isReady, timeoutMs);
    if (found.isReady !== wasReady) changed(found.isReady, found.failure);
    wasReady = found.isReady;
    const response = found.isReady ? ready : notReady;
    known = { response, until: clock() + cacheMs };
    asking = undefined;
    return response;
  }

  const handle: HttpHandler = async () => {
    let response = known !== undefined && clock() < known.until ? known.response : undefined;
    if (response === undefined && !isRetired()) {
      asking ??= ask();
      response = await asking;
    }
    return response === undefined || isRetired() ? notReady : response;
  };
  return { GET: handle };
}

async function answersInTime(
  isReady: () => Promise<boolean>,
  timeoutMs: number,
): Promise<{ isReady: boolean; failure?: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return { isReady: await Promise.race([isReady(), tooLate]) };
  } catch (failure) {
    // it is for the log, and not for an anonymous caller
    return { isReady: false, failure };
  } finally {
    clearTimeout(timer);
  }
}

function status(code: number, text: string): HttpResponse {
  return { status: code, headers: JSON_HEADERS, body: JSON.stringify({ status: text }) };
}
