import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import { type Connection, watchConnections } from './connection.ts';
import { answerMalformed } from './malformed.ts';

/** Where to listen, and how patient to be. */
export interface ListenOptions {
  /** Undefined for every address of the machine: Node takes `::`, and `0.0.0.0` where the system has no IPv6. */
  readonly host: string | undefined;
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
  /** How long a client may take nothing of an answer that waits for it, before its connection is closed; at the most twice as long. */
  readonly stallTimeoutMs?: number;
  /** Requests that one connection may have unanswered; later ones are not run, and it is closed after these. */
  readonly maxPipelined?: number;
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
   * @returns how many requests were cut off
   */
  close(deadlineMs?: number, lastCallMs?: number): Promise<number>;
  /** Takes another certificate for new connections; those that are open stay as they are. */
  renewCertificate(certificate: Certificate): void;
}

const MAX_HEADER_BYTES = 16_384;
// of the time to close, where connections do not stop coming; the rest is for what has been accepted
const ACCEPTING_SHARE = 0.8;

type Handler = (req: IncomingMessage, res: ServerResponse, connection: Connection) => void;

/** Starts an HTTP server; rejects when the address cannot be had. */
export async function listen(handler: Handler, options: ListenOptions): Promise<Listener> {
  const state = { closing: false };
  const { server, renewCertificate } = createServerOf(options);
  const { certificate, maxPipelined = 32 } = options;
  const isTls = certificate !== undefined;
  const connections = watchConnections(server, { isTls, maxPipelined }, state);
  function answer(req: IncomingMessage, res: ServerResponse): void {
    const connection = connections.begin(req, res);
    if (connection !== undefined) handler(req, res, connection);
  }
  server.on('request', answer);
  // An expectation that nobody knows is ignored: Node's own 417 would come without our headers.
  server.on('checkExpectation', answer);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerMalformed(error, socket, connections, options.securityHeaders);
  });
  // Node tells of connections on which nothing moves, those that are kept alive for too long among them. A request may wait
  // as long as it takes, for a hash or the database; an answer may not wait for the client. The first head has its own limit.
  server.on('timeout', (socket) => {
    if (!connections.isBusy(socket) || socket.writableLength > 0) socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });

  async function close(deadlineMs = 10_000, lastCallMs = 0): Promise<number> {
    state.closing = true;
    let cutOff = 0;
    const deadline = setTimeout(() => {
      cutOff = connections.unanswered;
      server.closeAllConnections();
      for (const socket of connections.sockets) socket.destroy();
    }, deadlineMs);
    await delay(lastCallMs);
    await emptied(() => connections.arrivals, deadlineMs * ACCEPTING_SHARE);
    await new Promise((resolve) => server.close(resolve));
    clearTimeout(deadline);
    return cutOff;
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

function createServerOf(options: ListenOptions): {
  server: Server;
  renewCertificate(certificate: Certificate): void;
} {
  const { headersTimeoutMs = 10_000, requestTimeoutMs = 30_000, certificate } = options;
  const settings = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 65_000,
    // Node looks for expired requests only this often; its default of 30 s would blur the limits.
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    // Node's own refusal would come without our headers.
    requireHostHeader: false,
  };
  const stallTimeoutMs = options.stallTimeoutMs ?? 15_000;
  if (certificate === undefined) {
    const server = createServer(settings).setTimeout(stallTimeoutMs);
    return { server, renewCertificate: () => undefined };
  }
  const tls = { minVersion: 'TLSv1.2', handshakeTimeout: headersTimeoutMs } as const;
  const server = createTlsServer({ ...settings, ...tls, ...certificate });
  server.setTimeout(stallTimeoutMs);
  return { server, renewCertificate: (next) => server.setSecureContext({ ...tls, ...next }) };
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') {
    throw new TypeError('The server does not listen on a TCP port');
  }
  return address;
}
