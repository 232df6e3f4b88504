import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { announcesBody } from './body.ts';
import type { Connection } from './connection.ts';
import type { HttpResponse, IncomingRequest, RequestHeaders } from './exchange.ts';
import type { Refusal } from './refusal.ts';

// How long the rest of an unread body is read and discarded. Closing at once would reset the connection, and the client
// might lose the answer that explains the refusal.
const LINGER_MS = 1000;

/**
 * Converts a request from a Node server.
 *
 * @param connection that carried it; without one, the socket is asked for the address
 * @returns undefined when the client has reset the connection, so that its address is unknown
 */
export function incomingOfNode(
  req: IncomingMessage,
  connection?: Connection,
): IncomingRequest | undefined {
  const { remoteAddress } = connection ?? req.socket;
  if (remoteAddress === undefined) return undefined;
  return {
    method: req.method ?? 'GET',
    url: originForm(req.url ?? '/'),
    // Node keeps arrays only for Set-Cookie, which has no meaning in a request.
    headers: req.headers as RequestHeaders,
    remoteAddress,
    stream: req,
  };
}

/** Proxies may send the whole URL; its host is trusted as little as the Host header. */
function originForm(url: string): string {
  if (url.startsWith('/') || !URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** What is wrong with the head of a request that Node's parser lets pass. */
export function refusalOfHead(req: IncomingMessage): Refusal | undefined {
  return refusalOfHost(req) ?? refusalOfChunks(req);
}

/**
 * Chunks came with HTTP/1.1. In a request of an earlier version they are a fault (RFC 9112, section 6.1): whoever sent it on
 * may have taken another part of it for its body.
 */
function refusalOfChunks({ httpVersion, headers }: IncomingMessage): Refusal | undefined {
  if (httpVersion === '1.1' || headers['transfer-encoding'] === undefined) return undefined;
  const message = 'A body in chunks needs HTTP/1.1. Send it so, or with its Content-Length.';
  return { status: 400, message, headers: { connection: 'close' } };
}

/**
 * Checks the Host header lines of a request (RFC 9112, section 3.2): HTTP/1.1 requires one, and more than one is
 * invalid, because another server on the way may have trusted a different one.
 */
function refusalOfHost(req: IncomingMessage): Refusal | undefined {
  const { rawHeaders } = req;
  let hosts = 0;
  // rawHeaders alternates names and values; `headers` would only keep the first Host
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  if (hosts === 1 || (hosts === 0 && req.httpVersion !== '1.1')) return undefined;
  const message = `The request has ${hosts === 0 ? 'no' : 'more than one'} Host header. Send one.`;
  return { status: 400, message, headers: { connection: 'close' } };
}

/** Writes an answer to its socket, and closes the connection if the request's body was not fully read. */
export function sendAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  answer: HttpResponse,
  connection?: Connection,
): void {
  // The client has disconnected.
  if (res.destroyed) return;
  const isUnread = !req.complete && announcesBody(req.headers as RequestHeaders);
  if (isUnread || connection?.isLast(res) === true) res.setHeader('connection', 'close');
  const { status, headers } = answer;
  // Pass the reason phrase: if this call throws, a second answer would otherwise be sent with the first one's phrase.
  res.writeHead(status, STATUS_CODES[status], headers as Record<string, string | string[]>);
  if (!isUnread) {
    res.end(req.method === 'HEAD' ? undefined : answer.body);
  } else {
    if (answer.body.length > 0 && req.method !== 'HEAD') res.write(answer.body);
    else res.flushHeaders();
    endAfterLingering(req, res);
  }
}

function endAfterLingering(req: IncomingMessage, res: ServerResponse): void {
  const timer = setTimeout(end, LINGER_MS);
  function end(): void {
    clearTimeout(timer);
    req.off('end', end).off('close', end);
    if (!res.writableEnded && !res.destroyed) res.end();
  }
  req.on('end', end).on('close', end).resume();
}
