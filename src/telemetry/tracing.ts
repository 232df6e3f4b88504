import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A timed operation: a request or a part of one. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: 'server' | 'internal' | 'client';
  /** Milliseconds since 1970, with fractions. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  readonly failed: boolean;
}

/** Traces requests through the service. A span's parent is the span in whose async context it starts. */
export interface Tracer {
  /**
   * Traces a whole request.
   *
   * @param traceparent the caller's W3C header; its trace is continued, and its sampling decision is followed
   * @param work receives the trace id, and a function that adds attributes to the request's span
   */
  request<T>(
    name: string,
    traceparent: string | undefined,
    work: (traceId: string, describe: (attributes: Attributes) => void) => Promise<T>,
  ): Promise<T>;
  /** Runs a part of a request in a span; spans started within become its children. */
  span<T>(name: string, work: () => Promise<T>, attributes?: Attributes): Promise<T>;
  /** Starts a span that will have no children. @returns ends it */
  begin(name: string, attributes?: Attributes): (failure: Error | null) => void;
}

interface Place {
  readonly traceId: string;
  readonly spanId: string;
}

// version 00 ends after the flags; later versions may add fields after another dash
const TRACEPARENT =
  /^(?:00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})|(?!ff|00)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?)$/;
const NOTHING = () => undefined;

/**
 * Makes a tracer.
 *
 * @param share the fraction of requests to record, where the caller has not decided
 * @param ended called with every finished span
 */
export function createTracer(share: number, ended: (span: Span) => void): Tracer {
  const places = new AsyncLocalStorage<Place>();

  function open(
    name: string,
    kind: Span['kind'],
    attributes: Attributes,
    place: Place,
    parentId: string | undefined,
  ) {
    const startedAt = nowMs();
    let all = attributes;
    return {
      describe: (more: Attributes) => {
        all = { ...all, ...more };
      },
      end: (failed: boolean) =>
        ended({
          ...place,
          parentId,
          name,
          kind,
          startedAt,
          endedAt: nowMs(),
          attributes: all,
          failed,
        }),
    };
  }

  async function runIn<T>(
    place: Place,
    span: ReturnType<typeof open>,
    work: () => Promise<T>,
  ): Promise<T> {
    let failed = true;
    try {
      const result = await places.run(place, work);
      failed = false;
      return result;
    } finally {
      span.end(failed);
    }
  }

  return {
    request(name, traceparent, work) {
      const parent = readTraceparent(traceparent);
      const traceId = parent?.traceId ?? newId(16);
      const isRecorded = parent?.isRecorded ?? Math.random() < share;
      if (!isRecorded) return work(traceId, NOTHING);
      const place = { traceId, spanId: newId(8) };
      const span = open(name, 'server', {}, place, parent?.spanId);
      return runIn(place, span, () => work(traceId, span.describe));
    },
    span(name, work, attributes = {}) {
      const around = places.getStore();
      if (around === undefined) return work();
      const place = { traceId: around.traceId, spanId: newId(8) };
      return runIn(place, open(name, 'internal', attributes, place, around.spanId), work);
    },
    begin(name, attributes = {}) {
      const around = places.getStore();
      if (around === undefined) return NOTHING;
      const place = { traceId: around.traceId, spanId: newId(8) };
      const span = open(name, 'client', attributes, place, around.spanId);
      return (failure) => span.end(failure !== null);
    },
  };
}

function readTraceparent(header: string | undefined) {
  const match = header === undefined ? null : TRACEPARENT.exec(header.trim());
  if (match === null) return undefined;
  const [traceId = '', spanId = '', flags = ''] = match
    .slice(1)
    .filter((part) => part !== undefined);
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isRecorded: (Number.parseInt(flags, 16) & 1) === 1 };
}

function newId(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

// wall-clock time with the resolution of the monotonic clock
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
