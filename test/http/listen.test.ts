import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { listen } from '../../src/http/listen.ts';
import { ANSWER, head, open, postOf, sendRaw, startServer, until } from './raw-connection.ts';

const QUERY = '{"query":"{hello}"}';
const POST = postOf('{hello}');
const LAST_POST = postOf('{hello}', 'connection: close');
const SLOW_POST = postOf('{slow}');

describe('a connection', () => {
  it('carries requests one after the other, and several at once in their order', async () => {
    const { port } = await startServer();
    const answer = await sendRaw(port, POST + POST, POST, LAST_POST);
    expect(answer.split(ANSWER)).toHaveLength(5);
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4);
    expect(answer).toContain(`content-length: ${ANSWER.length}`);
  });

  it('takes chunked bodies', async () => {
    const { port } = await startServer();
    const chunked = head('transfer-encoding: chunked', 'connection: close');
    const body = [...QUERY].map((character) => `1\r\n${character}\r\n`).join('');
    expect(await sendRaw(port, chunked, body, '0\r\n\r\n')).toContain(ANSWER);
  });

  it('has its own answer to unknown expectations and to what fails while it is sent', async () => {
    const { port, errors } = await startServer();
    const end = 'HTTP/1.1\r\nhost: a\r\nconnection: close\r\n';
    const unknown = await sendRaw(port, `GET /health ${end}expect: miracles\r\n\r\n`);
    expect(unknown).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const failed = await sendRaw(port, `GET /bad-header ${end}\r\n`);
    expect(failed).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/);
    expect(failed).toContain('Unexpected error.');
    for (const answer of [unknown, failed]) expect(answer).toContain('nosniff');
    expect(errors).toHaveLength(1);
  });

  it('has no banner', async () => {
    const { port } = await startServer();
    expect(await sendRaw(port, LAST_POST)).not.toMatch(/^(server|x-powered-by):/im);
  });
});

describe('methods', () => {
  it.each(['TRACE', 'PUT', 'DELETE', 'PATCH', 'PROPFIND'])('%s gets 405', async (method) => {
    const { port } = await startServer();
    const bytes = `${method} /graphql HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
    const answer = await sendRaw(port, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer.toLowerCase()).toContain('allow: get, head, post, options');
  });

  it('CONNECT and Upgrade open nothing', async () => {
    const { port } = await startServer();
    expect(await sendRaw(port, 'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n')).not.toMatch(/ 200 /);
    const upgrade =
      'GET /health HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n';
    expect(await sendRaw(port, upgrade)).not.toMatch(/ 101 /);
  });

  it('the whole URL may be sent, and * is nothing', async () => {
    const { port } = await startServer();
    const end = 'HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
    expect(await sendRaw(port, `GET http://x.test/health?a=b ${end}`)).toMatch(/ 200 OK/);
    expect(await sendRaw(port, `OPTIONS * ${end}`)).toMatch(/ 404 /);
  });
});

describe('bodies that should not be read', () => {
  it('are refused by their length, and the answer arrives although the client goes on', async () => {
    const { port } = await startServer();
    const answer = await sendRaw(port, head('content-length: 20000000'), 'x'.repeat(5_000_000));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('BODY_LIMIT_BYTES');
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('get their answer to a client that reads only after it has sent everything', async () => {
    const { port } = await startServer();
    const socket = connect(port, '127.0.0.1').pause();
    socket.write(head('content-length: 20000000'));
    await new Promise<void>((resolve, reject) => {
      const sent = (error?: Error | null) => (error ? reject(error) : resolve());
      socket.on('error', reject).write(Buffer.alloc(20_000_000, 'x'), sent);
    });
    const [answer] = await once(socket.resume(), 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('are cut off at the limit when they come in chunks without an end', async () => {
    const { port } = await startServer();
    const { socket, received, closed } = open(port);
    socket.write(head('transfer-encoding: chunked'));
    const pump = setInterval(() => socket.write(`4000\r\n${'x'.repeat(0x4000)}\r\n`), 1);
    await until(() => received().includes('413'));
    await closed;
    clearInterval(pump);
  });

  it('are cut off when they come too slowly', async () => {
    const { port } = await startServer({ app: { limits: { bytes: 1000, milliseconds: 50 } } });
    const { socket, closed } = open(port);
    socket.write(head('content-length: 100'));
    const drip = setInterval(() => socket.write(' '), 5);
    const answer = await closed;
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('BODY_TIMEOUT_SECONDS');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('end the connection on a path that takes none, so that they are no second request', async () => {
    const { port, logged } = await startServer();
    const inner = 'GET /throws HTTP/1.1\r\nhost: a\r\n\r\n';
    const bytes = `GET /health HTTP/1.1\r\nhost: a\r\ncontent-length: ${inner.length + 10}\r\n\r\n${inner}`;
    const answer = await sendRaw(port, bytes);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(logged.map(({ path }) => path)).toEqual(['/health']);
  });
});

describe('heads that never end', () => {
  it.each([
    ['nothing at all', ''],
    ['half a head', 'POST /graphql HTTP/1.1\r\nhost: a\r\nx: '],
  ])('are cut off: %s', async (_what, bytes) => {
    const { port } = await startServer({ headersTimeoutMs: 100, requestTimeoutMs: 100 });
    const { socket, closed } = open(port);
    socket.write(bytes);
    const drip = setInterval(() => bytes !== '' && socket.write('a'), 10);
    const answer = await closed;
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('clients that go away', () => {
  it('in the middle of an upload, or before their answer, leave the service as it was', async () => {
    const { port, errors, logged } = await startServer();
    for (let i = 0; i < 20; i++) {
      const clients = [open(port), open(port), open(port)] as const;
      const [upload, waiting, large] = clients;
      // whoever goes before the service has seen it is not even answered
      for (const { socket } of clients) socket.write(POST);
      await until(() => clients.every(({ received }) => received().includes(ANSWER)));
      upload.socket.write(head('content-length: 100') + QUERY);
      waiting.socket.write(SLOW_POST);
      large.socket.write(head('content-length: 20000000') + 'x'.repeat(100_000));
      await sleep(2);
      for (const { socket } of clients) socket.resetAndDestroy();
    }
    await until(() => logged.length === 120);
    expect(await sendRaw(port, LAST_POST)).toContain(ANSWER);
    expect(errors).toEqual([]);
  });
});

describe('closing', () => {
  it('lets answers in flight finish, says so in them, and accepts nothing new', async () => {
    const { port, listener, logged } = await startServer();
    const idle = open(port);
    idle.socket.write(POST);
    await until(() => idle.received().includes(ANSWER));
    const waiting = open(port);
    waiting.socket.write(SLOW_POST);
    await sleep(30);
    expect(logged).toHaveLength(1);
    const closing = listener.close(5000);
    const answer = await waiting.closed;
    expect(answer).toContain('"slow":"at last"');
    expect(answer.toLowerCase()).toContain('connection: close');
    await idle.closed;
    await closing;
    const late = open(port);
    expect(await late.closed).toBe('');
  });

  it('waits for nobody beyond the deadline, and counts whom it cut off', async () => {
    const { port, listener } = await startServer();
    const stuck = open(port);
    stuck.socket.write(head('content-length: 100'));
    await sleep(20);
    const startedAt = performance.now();
    expect(await listener.close(100)).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(1500);
    await stuck.closed;
  });

  it('is told by a rejection where an address cannot be had', async () => {
    const { port } = await startServer();
    const nothing: RequestListener = () => undefined;
    const options = { host: '127.0.0.1', port, securityHeaders: {} };
    await expect(listen(nothing, options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
