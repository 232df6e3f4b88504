import type { HttpHandler, HttpResponse, Route } from './exchange.ts';

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };

/** How readiness is checked, and how long a result is reused. */
export interface ReadinessOptions {
  /** Whether the service can work now, such as whether the database answers. */
  readonly isReady: () => Promise<boolean>;
  /** Whether the process is about to stop: then the answer is "not ready" at once, whatever the last check found. */
  readonly isRetired?: () => boolean;
  /** A check that takes longer counts as "not ready". */
  readonly timeoutMs?: number;
  /** Called when the answer changes, with the failure if there is one. The initial state counts as "ready". */
  readonly changed?: (isReady: boolean, failure: unknown) => void;
  /** How long one result is reused without another check. */
  readonly cacheMs?: number;
  /** A monotonic clock in milliseconds. */
  readonly clock?: () => number;
}

/** `/health`, liveness: the process runs, and its event loop is not blocked. */
export function createHealthRoute(): Route {
  const alive = status(200, 'ok');
  return { GET: () => Promise.resolve(alive) };
}

/**
 * `/ready`, readiness: the service can serve requests. At most one check runs at a time and its result is reused for a
 * moment, so that nobody can flood the database through this path.
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
    // for the log only: anonymous callers do not see it
    return { isReady: false, failure };
  } finally {
    clearTimeout(timer);
  }
}

function status(code: number, text: string): HttpResponse {
  return { status: code, headers: JSON_HEADERS, body: JSON.stringify({ status: text }) };
}
