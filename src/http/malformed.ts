import type { Duplex } from 'node:stream';
import type { Connections } from './connection.ts';

const STATUS_BY_CODE: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

/**
 * Answers a request that Node's parser rejected, such as one with two lengths, with a length beside chunks, or with
 * headers that never end.
 *
 * @param error from the server's event `clientError`
 * @param securityHeaders sent with the answer
 */
export function answerMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  connections: Connections,
  securityHeaders: Readonly<Record<string, string>>,
): void {
  // an error outside HTTP, such as a failed handshake, cannot be answered
  const isHttp = /^(HPE|ERR_HTTP)_/.test(error.code ?? '');
  if (!socket.writable || !isHttp) {
    socket.destroy();
    return;
  }
  // Earlier requests are still running, and a 400 would be taken for the answer to the first of them.
  if (connections.endAfterAnswers(socket)) return;
  // After earlier answers, further bytes could be taken for a part of one of them.
  if (!('bytesWritten' in socket) || socket.bytesWritten !== 0) {
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
