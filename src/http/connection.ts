import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A client's connection, as its requests and answers see it. */
export interface Connection {
  /** The address of its other end, as it was when the connection came. */
  readonly remoteAddress: string;
  /** Whether an answer is the last one on it, and must say so. */
  isLast(res: ServerResponse): boolean;
}

/** What a server knows of its connections. */
export interface Connections {
  /** Every socket that is open, those too whose TLS handshake is not over. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many have come so far. */
  readonly arrivals: number;
  /** How many requests have come whose answers have not left. */
  readonly unanswered: number;
  /** Takes a request on; undefined where its connection is at its end, and it is not to be run. */
  begin(req: IncomingMessage, res: ServerResponse): Connection | undefined;
  /** Whether a connection has requests whose answers have not left, or its first has not come. */
  isBusy(socket: Duplex): boolean;
  /**
   * Reads no more requests from a connection of which the parser could make no sense, and closes it behind the answers to
   * those before. @returns whether there are any; otherwise it is the caller's to end.
   */
  endAfterAnswers(socket: Duplex): boolean;
}

/** What is known of one of them. */
interface Entry {
  readonly connection: Connection;
  /** Requests whose answers have not left. */
  pending: number;
  /** Whether a request has come. */
  hasBegun: boolean;
  /** The newest request that is unanswered: answers leave in the order of requests, so its answer comes last. */
  latest: { readonly req: IncomingMessage; readonly res: ServerResponse } | undefined;
  /** No request after the latest is run. */
  isFull: boolean;
  /** What came after the latest request, or is its body, could not be read. */
  isBroken: boolean;
}

/**
 * Keeps an eye on a server's connections: who is at the other end, and what each has still to be answered.
 *
 * @param server of HTTP, or of HTTPS when `isTls`
 * @param state whether the server is shutting down: then the last answer of each connection says so
 * @param maxPipelined requests that one connection may have unanswered; its answer to that many is its last
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

  // before its handshake is over, a TLS connection is none that the server would close by itself
  server.on('connection', (socket) => {
    arrivals++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on(options.isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    // The system forgets the address when the client resets the connection, and what was sent before can be read all the
    // same. Nobody waits for an answer then, and limits and records need to know whose request it was.
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
        // an idle connection keeps nothing of its last request alive
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

/** Whether a request that arrived to its end is unanswered; only the latest can have come in part. */
function hasWhole({ pending, latest }: Entry): boolean {
  return pending > (latest?.req.complete === false ? 1 : 0);
}
