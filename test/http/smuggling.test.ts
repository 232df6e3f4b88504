import { describe, expect, it } from 'vitest';
import { ANSWER, head, open, postOf, sendRaw, startServer, until } from './raw-connection.ts';

const QUERY = '{"query":"{hello}"}';
const POST = postOf('{hello}');

describe('smuggling', () => {
  const SMUGGLED = 'POST /graphql HTTP/1.1\r\nhost: a\r\n\r\n';
  it.each([
    ['a length beside chunks', ['content-length: 4', 'transfer-encoding: chunked']],
    ['chunks beside a length', ['transfer-encoding: chunked', 'content-length: 4']],
    ['two lengths', ['content-length: 19', 'content-length: 0']],
    ['a list of lengths', ['content-length: 19, 0']],
    ['a signed length', ['content-length: +19']],
    ['a hexadecimal length', ['content-length: 0x13']],
    ['a space before the colon', ['content-length : 19']],
    ['a folded header', ['x: a\r\n b: c', 'transfer-encoding\r\n : chunked']],
    ['an unknown coding', ['transfer-encoding: xchunked', 'content-length: 19']],
    ['chunked not last', ['transfer-encoding: chunked, identity']],
    ['a bare carriage return', ['x: a\rb: c', 'content-length: 19']],
  ])('by %s gets 400 and no second answer', async (_what, headers) => {
    const { port, logged } = await startServer();
    const answer = await sendRaw(port, head(...headers) + QUERY, `0\r\n\r\n${SMUGGLED}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(logged.filter(({ status }) => status === 200)).toEqual([]);
  });

  it.each([
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01'],
  ])('%s gets 400', async (_what, bytes) => {
    const { port } = await startServer();
    expect(await sendRaw(port, bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });

  // a proxy that knows HTTP/1.0 alone takes what follows the chunks for theirs, or the chunks for what follows
  it('by chunks in HTTP/1.0 gets 400 and no second answer', async () => {
    const { port, logged } = await startServer();
    const chunks = `${QUERY.length.toString(16)}\r\n${QUERY}\r\n0\r\n\r\n`;
    const old = head('transfer-encoding: chunked', 'connection: keep-alive').replace('1.1', '1.0');
    const answer = await sendRaw(port, old, chunks + SMUGGLED);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(logged.filter(({ status }) => status === 200)).toEqual([]);
  });

  it('is not helped by an answer already on the way', async () => {
    const { port } = await startServer();
    const answer = await sendRaw(port, POST, 'nonsense\r\n\r\n');
    expect(answer.match(/HTTP\/1\.1 \d+/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  it('is not helped by an answer already given', async () => {
    const { port } = await startServer();
    const { socket, received, closed } = open(port);
    socket.write(POST);
    await until(() => received().includes(ANSWER));
    socket.write('nonsense\r\n\r\n');
    expect((await closed).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  it('leaves a head over 16 kB at 431', async () => {
    const { port } = await startServer();
    const answer = await sendRaw(port, head(`x: ${'a'.repeat(20_000)}`));
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });
});
