import { once } from 'node:events';
import { connect } from 'node:net';

/** One keep-alive HTTP/1.1 connection, on which one request at a time is asked. */
export interface Connection {
  /** @returns the whole answer, its head included, a character for each byte */
  ask(request: Buffer): Promise<string>;
  close(): void;
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '\r\n0\r\n\r\n';

/**
 * Opens a connection. It does no more than find the end of each answer, because the load shares its two cores with what
 * is measured: a full HTTP client would cost as much as some of the servers do.
 */
export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let received = '';
  let settle: { resolve(answer: string): void; reject(error: Error): void } | undefined;
  let failure: Error | undefined;

  const fail = (error: Error) => {
    failure ??= error;
    settle?.reject(failure);
  };
  socket.setEncoding('latin1');
  socket.on('error', fail).on('close', () => fail(new Error(`${url} closed a connection`)));
  socket.on('data', (text: string) => {
    received += text;
    if (!isComplete(received)) return;
    const answer = received;
    received = '';
    settle?.resolve(answer);
  });
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
        if (failure === undefined) socket.write(request);
        else reject(failure);
      });
    },
    close() {
      settle = undefined;
      socket.destroy();
    },
  };
}

function isComplete(answer: string): boolean {
  const headEnd = answer.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer);
  if (length === null || length.index > headEnd) return answer.endsWith(LAST_CHUNK);
  return answer.length >= headEnd + HEAD_END.length + Number(length[1]);
}
