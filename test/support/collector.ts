import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A span from OTLP's JSON, with its attributes as plain values. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code: number };
  attributes: Record<string, string | number | boolean>;
}

/** A stand-in for an OpenTelemetry collector. */
export interface Collector {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly requests: { path: string; headers: Record<string, unknown>; service: unknown }[];
  /** The HTTP status of the answers from now on; `undefined` for no answer at all. */
  status: number | undefined;
  /** How long it takes to answer. */
  delayMs: number;
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    const [{ resource, scopeSpans }] = JSON.parse(body).resourceSpans;
    collector.requests.push({
      path: req.url ?? '',
      headers: req.headers,
      service: plain(resource.attributes)['service.name'],
    });
    if (collector.status === undefined) return;
    await delay(collector.delayMs);
    if (collector.status === 200) {
      for (const span of scopeSpans[0].spans) {
        collector.spans.push({ ...span, attributes: plain(span.attributes) });
      }
    }
    res.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    requests: [],
    status: 200,
    delayMs: 0,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return collector;
}

type Attribute = { key: string; value: Record<string, string | number | boolean> };

function plain(attributes: Attribute[]): ReceivedSpan['attributes'] {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [[type, given] = ['', '']] = Object.entries(value);
      return [key, type === 'intValue' ? Number(given) : given];
    }),
  );
}
