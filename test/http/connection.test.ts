import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { head, open, postOf, sendRaw, startServer, until } from './raw-connection.ts';
import { createTinyService } from './tiny-service.ts';

const POST = postOf('{hello}');
const SLOW_POST = postOf('{slow}');
const MUTATION = postOf('mutation{change}');
const statusesIn = (answer: string) => answer.match(/HTTP\/1\.1 \d+/g) ?? [];

describe('requests that are sent before the answers have come', () => {
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
