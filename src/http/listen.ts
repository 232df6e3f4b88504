import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import { type Connection, watchConnections } from './connection.ts';
import { answerMalformed } from './malformed.ts';

/** Where to listen, and with which limits. */
export interface ListenOptions {
  /** Undefined to listen on every address of the machine: Node then uses `::`, or `0.0.0.0` without IPv6. */
  readonly host: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  /** Sent even with answers to malformed requests. */
  readonly securityHeaders: Readonly<Record<string, string>>;
  /** How long a request's headers may take to arrive. */
  readonly headersTimeoutMs?: number;
  /** How long a whole request may take to arrive; should be longer than the body's own limit, which answers better. */
  readonly requestTimeoutMs?: number;
  /** How long an idle connection is kept; longer than the usual 60 s of load balancers. */
  readonly keepAliveTimeoutMs?: number;
  /** How long a client may read nothing of a pending answer before it is disconnected; in practice up to twice as long. */
  readonly stallTimeoutMs?: number;
  /** How many requests a connection may pipeline. Later ones are not run, and it is closed once these are answered. */
  readonly maxPipelined?: number;
  /** If set, the server speaks only TLS. */
  readonly certificate?: Certificate | undefined;
}

/** A listening server. */
export interface Listener {
  readonly address: AddressInfo;
  /**
   * Stops accepting connections, lets answers in progress finish, and cuts off what remains at the deadline.
   *
   * @param lastCallMs how long to keep accepting first: for connections that the system has accepted and this process
   *   has not yet, and for requests on their way over connections that seem idle. Closing at once would cut them off.
   * @returns how many requests were cut off
   */
  close(deadlineMs?: number, lastCallMs?: number): Promise<number>;
  /** Uses another certificate for new connections; open ones keep theirs. */
  renewCertificate(certificate: Certificate): void;
}

const MAX_HEADER_BYTES = 16_384;
// the share of the closing time for accepting, if connections keep coming; the rest is for answering them
const ACCEPTING_SHARE = 0.8;

type Handler = (req: IncomingMessage, res: ServerResponse, connection: Connection) => void;

/** Starts an HTTP or HTTPS server; rejects when it cannot listen on the address. */
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
  // Ignore an unknown Expect header: Node's own 417 would lack our headers.
  server.on('checkExpectation', answer);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerMalformed(error, socket, connections, options.securityHeaders);
  });
  // Node reports inactive connections here, among them those whose keep-alive has expired. A request may take as long
  // as it needs, for hashing or the database, but the client may not stall a pending answer. For the first request of a
  // connection the headers timeout applies instead.
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
 * Waits until the system's backlog of connections is empty: each turn of the event loop accepts one, and reads its
 * request in the next. Measured on a busy machine: without this, 143 of 200 requests in flight were cut off.
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
    // How often Node looks for requests that took too long; its default of 30 s would make the limits imprecise.
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    // Node's own 400 would lack our headers; `refusalOfHost` checks the Host header instead.
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
