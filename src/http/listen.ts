import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import type { ServerState } from './node-exchange.ts';

/** Where to listen, and how patient to be. */
export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Sent with the answers to what is not HTTP. */
  readonly securityHeaders: Readonly<Record<string, string>>;
  /** How long a request's head may take. */
  readonly headersTimeoutMs?: number;
  /** How long a whole request may take to arrive; the body's own limit should come first. */
  readonly requestTimeoutMs?: number;
  /** How long an idle connection is kept: longer than the usual load balancer's 60 s. */
  readonly keepAliveTimeoutMs?: number;
  /** With it the server speaks TLS and nothing else. */
  readonly certificate?: Certificate | undefined;
}

/** A server that listens. */
export interface Listener {
  readonly address: AddressInfo;
  /**
   * Stops accepting, lets answers in flight finish, and cuts off what remains after the deadline.
   *
   * @param lastCallMs how long it accepts before: for connections that the system has taken and this process has not seen
   *   yet, and requests that are on their way on connections that seem idle. Closing at once would cut them off.
   */
  close(deadlineMs?: number, lastCallMs?: number): Promise<void>;
  /** Takes another certificate for new connections; those that are open stay as they are. */
  renewCertificate(certificate: Certificate): void;
}

const MAX_HEADER_BYTES = 16_384;
// of the time to close, where connections do not stop coming; the rest is for what has been accepted
const ACCEPTING_SHARE = 0.8;

type Handler = (req: IncomingMessage, res: ServerResponse, state: ServerState) => void;

/** Starts an HTTP server; rejects when the address cannot be had. */
export async function listen(handler: Handler, options: ListenOptions): Promise<Listener> {
  const state = { closing: false };
  const { server, renewCertificate } = createServerOf(options, (req, res) =>
    handler(req, res, state),
  );
  // An expectation that nobody knows is ignored: Node's own 417 would come without our headers.
  server.on('checkExpectation', (req, res) => handler(req, res, state));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerMalformed(error, socket, options.securityHeaders);
  });
  // before its handshake is over, a TLS connection is none that the server would close by itself
  const connections = new Set<Socket>();
  let arrivals = 0;
  server.on('connection', (socket) => {
    arrivals++;
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });

  async function close(deadlineMs = 10_000, lastCallMs = 0): Promise<void> {
    state.closing = true;
    const deadline = setTimeout(() => {
      server.closeAllConnections();
      for (const socket of connections) socket.destroy();
    }, deadlineMs);
    await delay(lastCallMs);
    await emptied(() => arrivals, deadlineMs * ACCEPTING_SHARE);
    await new Promise((resolve) => server.close(resolve));
    clearTimeout(deadline);
  }
  return { address: addressOf(server.address()), close, renewCertificate };
}

/**
 * Waits until the system has no more connections that were made and not accepted: one is in each turn of the event loop, and
 * its request is read in the next. Seen on a busy machine: without this, of 200 requests in flight 143 were cut off.
 */
async function emptied(arrivals: () => number, atMostMs: number): Promise<void> {
  const end = performance.now() + atMostMs;
  for (let quiet = 0; quiet < 3 && performance.now() < end; ) {
    const before = arrivals();
    await nextTurn();
    quiet = arrivals() === before ? quiet + 1 : 0;
  }
}

function createServerOf(
  options: ListenOptions,
  answer: (req: IncomingMessage, res: ServerResponse) => void,
): { server: Server; renewCertificate(certificate: Certificate): void } {
  const { headersTimeoutMs = 10_000, requestTimeoutMs = 30_000, certificate } = options;
  const settings = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 65_000,
    // Node looks for expired requests only this often; its default of 30 s would blur the limits.
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
  };
  if (certificate === undefined) {
    return { server: createServer(settings, answer), renewCertificate: () => undefined };
  }
  const tls = { minVersion: 'TLSv1.2', handshakeTimeout: headersTimeoutMs } as const;
  const server = createTlsServer({ ...settings, ...tls, ...certificate }, answer);
  return { server, renewCertificate: (next) => server.setSecureContext({ ...tls, ...next }) };
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') {
    throw new TypeError('The server does not listen on a TCP port');
  }
  return address;
}

const STATUS_BY_CODE: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

/** Answers what Node's parser refused: two lengths, a length beside chunks, a head that never ends. */
function answerMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  securityHeaders: Readonly<Record<string, string>>,
): void {
  // what no HTTP parser refused, such as a failed handshake, has nobody to answer to
  const isHttp = /^(HPE|ERR_HTTP)_/.test(error.code ?? '');
  const isFirst = 'bytesWritten' in socket && socket.bytesWritten === 0;
  // On a connection that has been answered before, more bytes could be taken for part of an answer.
  if (!socket.writable || !isFirst || !isHttp) {
    socket.destroy();
    return;
  }
  const lines = [
    `HTTP/1.1 ${STATUS_BY_CODE[error.code ?? ''] ?? '400 Bad Request'}`,
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'content-length: 0',
    'connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n`);
}
