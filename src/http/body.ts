import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { createDeadlines, type Deadlines } from '../deadlines.ts';
import type { RequestHeaders } from './exchange.ts';
import type { Refusal } from './refusal.ts';

/** How large a request body may be and how long it may take to arrive. */
export interface BodyLimits {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** 100 kB in 10 seconds. */
export const DEFAULT_BODY_LIMITS: BodyLimits = { bytes: 100_000, milliseconds: 10_000 };

type BodyFault = 'too-large' | 'too-slow' | 'encoded' | 'not-utf8' | 'cut-off';

/** A body's text, or why it could not be read. */
export type Body = { readonly text: string } | { readonly fault: BodyFault };

/** Whether a request announces a body. Only these two headers can. */
export function announcesBody(headers: RequestHeaders): boolean {
  const length = headers['content-length'];
  return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined;
}

/**
 * Reads a request body to its end as UTF-8 text, and gives up as soon as it exceeds a limit. Never rejects. On a fault
 * the stream is left paused, for the caller to drain or destroy.
 *
 * @param deadlines for waits of `limits.milliseconds`, shared between requests
 */
export function readBody(
  stream: Readable,
  headers: RequestHeaders,
  limits: BodyLimits,
  deadlines: Deadlines = createDeadlines(limits.milliseconds),
): Promise<Body> {
  const fault = faultOfHeaders(headers, limits);
  if (fault !== undefined) return Promise.resolve({ fault });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const beInTime = deadlines(() => finish({ fault: 'too-slow' }));

    function onData(chunk: Buffer): void {
      length += chunk.length;
      // Content-Length is only a claim, and a chunked body does not declare its length.
      if (length > limits.bytes) finish({ fault: 'too-large' });
      else chunks.push(chunk);
    }
    function onEnd(): void {
      finish(decode(chunks, length));
    }
    function onCutOff(): void {
      finish({ fault: 'cut-off' });
    }
    function finish(body: Body): void {
      beInTime();
      stream.off('data', onData).off('end', onEnd).off('error', onCutOff).off('close', onCutOff);
      if ('fault' in body) stream.pause();
      resolve(body);
    }
    stream.on('data', onData).on('end', onEnd).on('error', onCutOff).on('close', onCutOff);
  });
}

function faultOfHeaders(headers: RequestHeaders, limits: BodyLimits): BodyFault | undefined {
  const encoding = headers['content-encoding'];
  // A compressed body could expand a thousandfold past the size limit.
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return 'encoded';
  if (Number(headers['content-length']) > limits.bytes) return 'too-large';
  return undefined;
}

function decode(chunks: readonly Buffer[], length: number): Body {
  const [first] = chunks;
  const bytes =
    chunks.length === 1 && first !== undefined ? first : Buffer.concat([...chunks], length);
  return isUtf8(bytes) ? { text: bytes.toString('utf8') } : { fault: 'not-utf8' };
}

/** What to tell a client whose body could not be read: what to do, and which setting raises the limit. */
export function refusalOfBody(fault: BodyFault, limits: BodyLimits): Refusal {
  switch (fault) {
    case 'too-large':
      return {
        status: 413,
        message: `The request body is larger than ${limits.bytes} bytes. Send less, or raise BODY_LIMIT_BYTES on the server.`,
      };
    case 'too-slow':
      return {
        status: 408,
        message: `The request body did not arrive within ${limits.milliseconds / 1000} seconds. Send it again, or raise BODY_TIMEOUT_SECONDS on the server.`,
      };
    case 'encoded':
      return {
        status: 415,
        message: 'Compressed request bodies are not accepted. Send it without Content-Encoding.',
        headers: { 'accept-encoding': 'identity' },
      };
    case 'not-utf8':
      return { status: 400, message: 'The request body is not valid UTF-8.' };
    case 'cut-off':
      return { status: 400, message: 'The request body ended too early. Send it again.' };
  }
}
