import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { announcesBody } from './body.ts';
import type { Connection } from './connection.ts';
import type { HttpResponse, IncomingRequest, RequestHeaders } from './exchange.ts';
import type { Refusal } from './refusal.ts';

// How long the rest of an unread body is taken and thrown away. Closing at once would reset the
// connection, and the client might lose the answer that says why.
const LINGER_MS = 1000;

/**
 * The request of a socket.
 *
 * @param connection that it came by; without one the socket is asked
 * @returns undefined where nobody knows who sent it, because the client has reset the connection
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
    // Node keeps lists for Set-Cookie alone, which means nothing in a request.
    headers: req.headers as RequestHeaders,
    remoteAddress,
    stream: req,
  };
}

/** Proxies may send the whole URL; its host is as little believed as the Host header. */
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
 * What is wrong with the Host header lines of a request (RFC 9112, section 3.2): none in HTTP/1.1, or more than one. Of
 * several, another server on the way may have believed another.
 */
function refusalOfHost(req: IncomingMessage): Refusal | undefined {
  const { rawHeaders } = req;
  let hosts = 0;
  // names and values in turn; `headers` keeps the first of several
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  if (hosts === 1 || (hosts === 0 && req.httpVersion !== '1.1')) return undefined;
  const message = `The request has ${hosts === 0 ? 'no' : 'more than one'} Host header. Send one.`;
  return { status: 400, message, headers: { connection: 'close' } };
}

/** Writes an answer to its socket, and gives the connection up when the request was not read to its end. */
export function sendAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  answer: HttpResponse,
  connection?: Connection,
): void {
  // The client has gone: there is nobody to tell.
  if (res.destroyed) return;
  const isUnread = !req.complete && announcesBody(req.headers as RequestHeaders);
  if (isUnread || connection?.isLast(res) === true) res.setHeader('connection', 'close');
  const { status, headers } = answer;
  // The reason is given, because a failed attempt at another answer would leave its own behind.
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
