import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ListenOptions, listen } from '../../src/http/listen.ts';
import { createCertificate } from '../support/certificate.ts';
import { ANSWER, head, open, postOf, sendRaw, startServer, until } from './raw-connection.ts';
import { createTinyService } from './tiny-service.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const POST = postOf('{hello}');
const SLOW_POST = postOf('{slow}');
const MUTATION = postOf('mutation{change}');
// twenty of them are more than the system keeps for both sides
const LARGE = Buffer.alloc(1_000_000, 'x');

const statusesIn = (answer: string) => answer.match(/HTTP\/1\.1 \d+/g) ?? [];

/** Starts a server of one handler, until the test is over. @returns the sockets it has seen, too */
async function startRaw(
  handler: (req: IncomingMessage, res: ServerResponse) => void,
  options: Partial<ListenOptions>,
) {
  const sockets = new Set<Socket>();
  const listener = await listen(
    (req, res) => {
      sockets.add(req.socket);
      handler(req, res);
    },
    { host: '127.0.0.1', port: 0, securityHeaders: {}, ...options },
  );
  onTestFinished(async () => void (await listener.close(0)));
  return { port: listener.address.port, sockets };
}

function connectPaused(port: number, isTls: boolean): Socket {
  const at = { port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = (isTls ? connectTls(at) : connect(at)).pause();
  onTestFinished(() => void socket.destroy());
  return socket.on('error', () => undefined);
}

describe('a client that does not read', () => {
  it.each([
    ['plain HTTP', false],
    ['TLS', true],
  ])('loses its connection, and others do not: %s', async (_what, isTls) => {
    const certificate = isTls ? createCertificate('one') : undefined;
    const { port, sockets } = await startRaw((_req, res) => res.end(LARGE), {
      stallTimeoutMs: 100,
      certificate: certificate && {
        cert: Buffer.from(certificate.cert),
        key: Buffer.from(certificate.key),
      },
    });
    for (let i = 0; i < 3; i++) connectPaused(port, isTls).write(GET.repeat(20));
    await until(() => sockets.size === 3);
    await until(() => [...sockets].every(({ destroyed }) => destroyed));
  });

  it('may take its time when it reads on', async () => {
    const { port } = await startRaw((_req, res) => res.end(LARGE), { stallTimeoutMs: 500 });
    const { socket, received, closed } = open(port);
    const ended = GET.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n');
    socket.write(GET.repeat(19) + ended);
    const halt = setInterval(() => {
      socket.pause();
      setTimeout(() => socket.resume(), 75);
    }, 80);
    await closed;
    clearInterval(halt);
    expect(statusesIn(received())).toHaveLength(20);
    expect(received().length).toBeGreaterThan(20 * LARGE.length);
  });

  it('is not one that waits for its answer, however long that takes', async () => {
    const answer = async (_req: IncomingMessage, res: ServerResponse) => {
      await sleep(300);
      res.end(LARGE);
    };
    const { port, sockets } = await startRaw(answer, { stallTimeoutMs: 50 });
    const { socket, received } = open(port);
    socket.write(GET);
    await until(() => received().length > LARGE.length);
    // and after the wait it is one
    socket.pause().write(GET.repeat(20));
    await until(() => [...sockets].every(({ destroyed }) => destroyed));
  });

  it('is not one that has not asked yet', async () => {
    const { port } = await startServer({ stallTimeoutMs: 20 });
    const { socket, received } = open(port);
    await sleep(100);
    socket.write(POST);
    await until(() => received().includes(ANSWER));
  });

  it('is not one that says nothing between its requests, until that takes too long', async () => {
    const { port } = await startServer({ stallTimeoutMs: 50, keepAliveTimeoutMs: 250 });
    const { socket, received, closed } = open(port);
    socket.write(POST);
    await until(() => received().includes(ANSWER));
    await sleep(120);
    socket.write(POST);
    await until(() => received().split(ANSWER).length === 3);
    expect(statusesIn(await closed)).toHaveLength(2);
  });
});

describe('requests that are sent before the answers have come', () => {
  it('are run up to a number, and answered, and then the connection is closed', async () => {
    const { port, mutations, logged } = await startServer({ maxPipelined: 4 });
    const answer = await sendRaw(port, SLOW_POST + MUTATION.repeat(9));
    expect(statusesIn(answer)).toHaveLength(4);
    const [before, last] = answer.toLowerCase().split('connection: close');
    expect(before).toContain('"change":2');
    expect(last).toContain('"change":3');
    expect(mutations()).toBe(3);
    expect(logged).toHaveLength(4);
  });

  it('are all answered where the service is shutting down', async () => {
    const { port, listener, logged } = await startServer();
    const { socket, closed } = open(port);
    socket.write(POST + SLOW_POST + POST + SLOW_POST + POST);
    await until(() => logged.length === 3);
    const closing = listener.close(5000);
    expect(statusesIn(await closed)).toHaveLength(5);
    await closing;
  });
});

describe('what follows a request and is none', () => {
  it('does not take its answer away', async () => {
    const { port, mutations } = await startServer();
    const answer = await sendRaw(port, `${MUTATION}GARBAGE\r\n\r\n`);
    expect(statusesIn(answer)).toEqual(['HTTP/1.1 200']);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain('"change":1');
    expect(mutations()).toBe(1);
  });

  it('waits for the answers of all before it', async () => {
    const { port } = await startServer();
    const { socket, received, closed } = open(port);
    socket.write(`${SLOW_POST}${POST}${SLOW_POST}GARBAGE\r\n\r\n`);
    await sleep(20);
    socket.write(`MORE\r\n\r\n${POST}`);
    expect(statusesIn(await closed)).toEqual(Array(3).fill('HTTP/1.1 200'));
    expect(
      received()
        .toLowerCase()
        .match(/connection: close/g),
    ).toHaveLength(1);
  });

  it('is a head too slow to come, too', async () => {
    const { port } = await startServer({ headersTimeoutMs: 50, requestTimeoutMs: 50 });
    const answer = await sendRaw(port, `${SLOW_POST}GET /health HTTP/1.1\r\nhost:`);
    expect(statusesIn(answer)).toEqual(['HTTP/1.1 200']);
    expect(answer).toContain('at last');
  });

  it('is a body that cannot be read, too', async () => {
    const { port, mutations } = await startServer();
    const broken = `${head('transfer-encoding: chunked')}nonsense\r\n`;
    expect(statusesIn(await sendRaw(port, broken))).toEqual(['HTTP/1.1 400']);
    expect(statusesIn(await sendRaw(port, MUTATION + broken))).toEqual(['HTTP/1.1 200']);
    expect(mutations()).toBe(1);
  });
});

describe('a client that resets its connection', () => {
  it('keeps its address for what it has sent', async () => {
    const { port, logged, listener } = await startServer();
    const clients = Array.from({ length: 20 }, () => open(port));
    // the server has taken them when it answers one that came later
    await sendRaw(port, postOf('{hello}', 'connection: close'));
    for (const { socket } of clients) {
      socket.write(MUTATION);
      socket.resetAndDestroy();
    }
    await until(() => logged.length === 21);
    expect(new Set(logged.map(({ clientAddress }) => clientAddress))).toEqual(
      new Set(['127.0.0.1']),
    );
    await listener.close(1000);
  });

  it('before the service has seen it, has its requests left undone', async () => {
    const { port, logged } = await startServer();
    for (let i = 0; i < 50; i++) {
      const { socket } = open(port);
      socket.once('connect', () => {
        socket.write(MUTATION);
        socket.resetAndDestroy();
      });
    }
    await sendRaw(port, postOf('{hello}', 'connection: close'));
    await sleep(20);
    expect(logged.filter(({ clientAddress }) => clientAddress !== '127.0.0.1')).toEqual([]);
  });

  it('has them left undone where another server than ours brings them, too', async () => {
    const { app, logged } = createTinyService();
    const server = createServer((req, res) => {
      Object.defineProperty(req.socket, 'remoteAddress', { value: undefined });
      app.handler(req, res);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    expect(await sendRaw((server.address() as AddressInfo).port, POST)).toBe('');
    expect(logged).toEqual([]);
  });
});

describe('the Host header', () => {
  const get = (version: string, ...hosts: string[]) =>
    `${[`GET /health HTTP/${version}`, ...hosts, 'x-pad: host', 'connection: close'].join('\r\n')}\r\n\r\n`;

  it.each([
    ['none', get('1.1')],
    ['two', get('1.1', 'host: a', 'host: b')],
    ['two alike', get('1.1', 'Host: a', 'hOST: a')],
    ['two in HTTP/1.0', get('1.0', 'host: a', 'host: b')],
    ['none with a body', POST.replace('host: a\r\n', '')],
    ['two with a body', POST.replace('host: a\r\n', 'host: a\r\nhost: b\r\n')],
  ])('%s: 400 with our headers, and the connection is closed', async (_what, bytes) => {
    const { port, logged } = await startServer();
    const answer = await sendRaw(port, bytes + GET);
    expect(statusesIn(answer)).toEqual(['HTTP/1.1 400']);
    expect(answer).toContain('nosniff');
    expect(answer).toContain('x-request-id');
    expect(answer).toMatch(/(no|more than one) Host header/);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(logged[0]).toMatchObject({ status: 400 });
  });

  it.each([
    ['one', get('1.1', 'HOST: a')],
    ['an empty one', get('1.1', 'host:')],
    ['none in HTTP/1.0', get('1.0')],
  ])('%s: 200', async (_what, bytes) => {
    const { port } = await startServer();
    expect(statusesIn(await sendRaw(port, bytes))).toEqual(['HTTP/1.1 200']);
  });
});
