import { waitAtMost } from '../deadlines.ts';
import type { TracingSettings } from './settings.ts';
import type { Attributes, Span } from './tracing.ts';

/** Sends spans to an OpenTelemetry collector. */
export interface SpanExporter {
  add(span: Span): void;
  /** Sends the remaining spans, waiting at most as long as one request may take. */
  close(): Promise<void>;
}

const BATCH = 512;
const MOST_WAITING = 4096;
const SEND_EVERY_MS = 2000;
const TIMEOUT_MS = 5000;
const KINDS = { internal: 1, server: 2, client: 3 } as const;
const ERROR = 2;

/**
 * Sends spans by OTLP/HTTP as JSON, in batches of some hundreds. A slow or unavailable collector never delays requests:
 * spans beyond some thousands in the queue are dropped, and a failed batch is not sent again.
 *
 * @param failing called with the error when sending starts to fail; not again until it has worked in between
 */
export function createSpanExporter(
  { endpoint, headers, serviceName }: TracingSettings,
  failing: (error: unknown) => void,
): SpanExporter {
  const resource = { attributes: attributesOf({ 'service.name': serviceName }) };
  let waiting: Span[] = [];
  let sending: Promise<void> | undefined;
  let isFailing = false;
  const timer = setInterval(flush, SEND_EVERY_MS).unref();

  function flush(): void {
    sending ??= send().finally(() => {
      sending = undefined;
      if (waiting.length >= BATCH && !isFailing) flush();
    });
  }

  async function send(): Promise<void> {
    if (waiting.length === 0) return;
    const batch = waiting.slice(0, BATCH);
    waiting = waiting.slice(BATCH);
    const spans = batch.map(spanOf);
    const scopeSpans = [{ scope: { name: 'latchkey' }, spans }];
    try {
      const response = await fetch(`${endpoint}/v1/traces`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`The collector answered ${response.status}.`);
      isFailing = false;
    } catch (error) {
      if (!isFailing) failing(error);
      isFailing = true;
    }
  }

  async function sendRest(): Promise<void> {
    do {
      await (sending ?? send());
    } while (waiting.length > 0 && !isFailing);
  }

  return {
    add(span) {
      if (waiting.length >= MOST_WAITING) return;
      waiting.push(span);
      if (waiting.length >= BATCH) flush();
    },
    async close() {
      clearInterval(timer);
      await waitAtMost(TIMEOUT_MS, sendRest());
      waiting = [];
    },
  };
}

function spanOf(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId !== undefined && { parentSpanId: span.parentId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(span.endedAt),
    attributes: attributesOf(span.attributes),
    ...(span.failed && { status: { code: ERROR } }),
  };
}

// OTLP's JSON writes 64-bit numbers as strings, because they exceed what a JavaScript number holds exactly
function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function attributesOf(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: typed(value) }));
}

function typed(value: string | number | boolean) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
