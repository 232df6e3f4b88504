import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A client's connection, as request handlers see it. */
export interface Connection {
  /** The address of the other end, as it was when the connection was accepted. */
  readonly remoteAddress: string;
  /** Whether this is the connection's last answer, which must say `Connection: close`. */
  isLast(res: ServerResponse): boolean;
}

/** The state of a server's connections. */
export interface Connections {
  /** Every open socket, including those whose TLS handshake is not finished. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many connections have been accepted so far. */
  readonly arrivals: number;
  /** How many requests have arrived whose answers have not been sent. */
  readonly unanswered: number;
  /** Registers a request. Undefined when the connection is closing or was reset, so that the request must not run. */
  begin(req: IncomingMessage, res: ServerResponse): Connection | undefined;
  /** Whether a connection has unanswered requests, or is still waiting for its first. */
  isBusy(socket: Duplex): boolean;
  /**
   * Stops reading requests from a connection after a parse error, and closes it once the requests before the error are
   * answered.
   *
   * @returns whether there are such requests; otherwise the caller has to close the connection
   */
  endAfterAnswers(socket: Duplex): boolean;
}

/** The state of one connection. */
interface Entry {
  readonly connection: Connection;
  /** The number of unanswered requests. */
  pending: number;
  /** Whether any request has arrived. */
  hasBegun: boolean;
  /** The newest unanswered request. Answers are sent in the order of requests, so its answer is the last. */
  latest: { readonly req: IncomingMessage; readonly res: ServerResponse } | undefined;
  /** Whether the connection has reached its limit: no request after `latest` runs. */
  isFull: boolean;
  /** Whether the parser failed, in the body of `latest` or after it. */
  isBroken: boolean;
}

/**
 * Tracks a server's connections: who is at the other end, and which requests are unanswered.
 *
 * @param server an HTTPS server if `isTls`, otherwise HTTP
 * @param state whether the server is shutting down; then the last answer of each connection closes it
 * @param maxPipelined how many unanswered requests a connection may have; the answer to that many is its last
 */
export function watchConnections(
  server: Server,
  options: { readonly isTls: boolean; readonly maxPipelined: number },
  state: { readonly closing: boolean },
): Connections {
  const sockets = new Set<Socket>();
  const entries = new WeakMap<Duplex, Entry>();
  let arrivals = 0;
  let unanswered = 0;

  // `sockets` includes TLS connections before their handshake, because the server does not close those itself
  server.on('connection', (socket) => {
    arrivals++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on(options.isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    // After a client resets the connection the system forgets its address, although what it sent before can still be
    // read. Nobody waits for an answer then, and rate limits and audit events need an address, so drop it.
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) socket.destroy();
    else entries.set(socket, createEntry(remoteAddress, state));
  });

  return {
    sockets,
    get arrivals() {
      return arrivals;
    },
    get unanswered() {
      return unanswered;
    },
    begin(req, res) {
      const entry = entries.get(req.socket);
      if (entry === undefined || entry.isFull || entry.isBroken) return undefined;
      unanswered++;
      entry.pending++;
      entry.hasBegun = true;
      entry.latest = { req, res };
      entry.isFull = entry.pending >= options.maxPipelined;
      res.once('close', () => {
        unanswered--;
        entry.pending--;
        // do not keep the last request of an idle connection in memory
        if (entry.pending === 0) entry.latest = undefined;
        const isOver = entry.pending === 0 && (entry.isFull || state.closing);
        if (isOver || (entry.isBroken && !hasWhole(entry))) req.socket.destroySoon();
      });
      return entry.connection;
    },
    isBusy(socket) {
      const entry = entries.get(socket);
      if (entry === undefined) return false;
      return entry.pending > 0 || !(entry.hasBegun || entry.isBroken);
    },
    endAfterAnswers(socket) {
      const entry = entries.get(socket);
      if (entry === undefined) return false;
      entry.isBroken = true;
      return hasWhole(entry);
    },
  };
}

function createEntry(remoteAddress: string, state: { readonly closing: boolean }): Entry {
  const entry: Entry = {
    connection: {
      remoteAddress,
      isLast: (res) =>
        (state.closing || entry.isFull || entry.isBroken) && entry.latest?.res === res,
    },
    pending: 0,
    hasBegun: false,
    latest: undefined,
    isFull: false,
    isBroken: false,
  };
  return entry;
}

/** Whether a fully received request is unanswered; only the latest can be incomplete. */
function hasWhole({ pending, latest }: Entry): boolean {
  return pending > (latest?.req.complete === false ? 1 : 0);
}
