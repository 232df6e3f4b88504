import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type ListenOptions, listen } from '../../src/http/listen.ts';
import { createTinyService, SECURITY_HEADERS, type TinyServiceOptions } from './tiny-service.ts';

/** Starts the tiny service on a real port, until the test is over. */
export async function startServer(options: Partial<ListenOptions> & TinyServiceOptions = {}) {
  const service = createTinyService(options);
  const listener = await listen(service.app.handler, {
    host: '127.0.0.1',
    port: 0,
    securityHeaders: SECURITY_HEADERS,
    ...options,
  });
  onTestFinished(async () => void (await listener.close(0)));
  return { ...service, listener, port: listener.address.port };
}

/** A connection whose every received byte is kept. */
export interface RawConnection {
  readonly socket: Socket;
  received(): string;
  /** All that was received, when the connection has ended. */
  readonly closed: Promise<string>;
}

/** Opens a connection to the server. */
export function open(port: number): RawConnection {
  let text = '';
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
  return { socket, received: () => text, closed };
}

/** Sends raw bytes and gives all that comes back until the server closes the connection. */
export function sendRaw(port: number, ...chunks: string[]): Promise<string> {
  const { socket, closed } = open(port);
  for (const chunk of chunks) socket.write(chunk);
  return closed;
}

/** The head of a POST to the GraphQL endpoint. */
export function head(...headers: string[]): string {
  const lines = ['POST /graphql HTTP/1.1', 'host: a', 'content-type: application/json', ...headers];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A whole POST of a query. */
export function postOf(query: string, ...headers: string[]): string {
  const body = JSON.stringify({ query });
  return head(`content-length: ${body.length}`, ...headers) + body;
}

/** The answer to `{hello}`. */
export const ANSWER = '{"data":{"hello":"hello world"}}';

/** Waits for something that happens on its own. */
export async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 5000) throw new Error('It never happened');
    await sleep(5);
  }
}
