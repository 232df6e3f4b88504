import { once } from 'node:events';
import { connect } from 'node:net';

/** A keep-alive HTTP/1.1 connection that carries one request at a time. */
export interface Connection {
  /** @returns the whole answer, including its head, with one character for each byte */
  ask(request: Buffer): Promise<string>;
  close(): void;
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '\r\n0\r\n\r\n';

/**
 * Opens a connection. It only finds the end of each answer, because the load generator shares two cores with the server
 * under measurement: a full HTTP client would use as much processor time as some of the servers.
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
