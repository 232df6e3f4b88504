import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { announcesBody, readBody, refusalOfBody } from '../../src/http/body.ts';

const LIMITS = { bytes: 1000, milliseconds: 5000 };

/** How many listeners somebody else would have to clean up. */
function listenersOf(stream: Readable): number {
  return ['data', 'end', 'error'].reduce((sum, event) => sum + stream.listenerCount(event), 0);
}

describe('reading a body', () => {
  it('gives the text, however it is cut into chunks', async () => {
    const cuts = fc.array(fc.nat(3), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 100 }), cuts, async (text, sizes) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = 1 + (sizes[chunks.length % sizes.length] ?? 0);
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const body = await readBody(Readable.from(chunks), {}, LIMITS);
        expect(body).toEqual({ text: bytes.toString() });
      }),
    );
  });

  it('takes a body of just the limit and refuses one byte more', async () => {
    const exact = Readable.from([Buffer.alloc(600, 'a'), Buffer.alloc(400, 'b')]);
    expect(await readBody(exact, {}, LIMITS)).toEqual({ text: 'a'.repeat(600) + 'b'.repeat(400) });
    const over = Readable.from([Buffer.alloc(600, 'a'), Buffer.alloc(401, 'b')]);
    expect(await readBody(over, {}, LIMITS)).toEqual({ fault: 'too-large' });
  });

  it('refuses a body by its declared length without reading any of it', async () => {
    const stream = new PassThrough();
    const body = await readBody(stream, { 'content-length': '1001' }, LIMITS);
    expect(body).toEqual({ fault: 'too-large' });
    expect(stream.readableFlowing).toBe(null);
  });

  it('stops reading at the limit, so that nothing more piles up', async () => {
    const stream = new PassThrough();
    const body = readBody(stream, {}, LIMITS);
    stream.write(Buffer.alloc(1001));
    expect(await body).toEqual({ fault: 'too-large' });
    expect(stream.isPaused()).toBe(true);
    expect(listenersOf(stream)).toBe(listenersOf(new PassThrough()));
  });

  it('gives up on a body that takes too long', async () => {
    const stream = new PassThrough();
    stream.write('{');
    expect(await readBody(stream, {}, { bytes: 10, milliseconds: 20 })).toEqual({
      fault: 'too-slow',
    });
    expect(listenersOf(stream)).toBe(listenersOf(new PassThrough()));
  });

  it.each([
    ['breaks off with an error', (stream: PassThrough) => stream.destroy(new Error('reset'))],
    ['is closed before its end', (stream: PassThrough) => stream.destroy()],
  ])('survives a body that %s', async (_what, breakOff) => {
    const stream = new PassThrough().on('error', () => undefined);
    const body = readBody(stream, {}, LIMITS);
    stream.write('{"query":');
    breakOff(stream);
    expect(await body).toEqual({ fault: 'cut-off' });
  });

  it.each([
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('﻿{}', 'utf16le'),
    Buffer.from('é').subarray(0, 1),
  ])('refuses what is not UTF-8: %j', async (bytes) => {
    const body = await readBody(Readable.from([bytes]), {}, LIMITS);
    expect(body).toEqual({ fault: 'not-utf8' });
  });

  it.each(['gzip', 'GZIP', 'br', 'deflate', 'identity, gzip', 'x'])(
    'refuses the content encoding %s',
    async (encoding) => {
      const body = await readBody(Readable.from([]), { 'content-encoding': encoding }, LIMITS);
      expect(body).toEqual({ fault: 'encoded' });
    },
  );

  it('takes the content encoding identity', async () => {
    const stream = Readable.from([Buffer.from('{}')]);
    expect(await readBody(stream, { 'content-encoding': 'Identity' }, LIMITS)).toEqual({
      text: '{}',
    });
  });
});

describe('a body', () => {
  it.each([
    [{}, false],
    [{ 'content-length': '0' }, false],
    [{ 'content-length': '1' }, true],
    [{ 'transfer-encoding': 'chunked' }, true],
  ])('is announced by %j: %s', (headers, announced) => {
    expect(announcesBody(headers)).toBe(announced);
  });

  it('that is refused tells which setting to raise', () => {
    expect(refusalOfBody('too-large', LIMITS)).toMatchObject({
      status: 413,
      message: expect.stringContaining('BODY_LIMIT_BYTES'),
    });
    expect(refusalOfBody('too-slow', LIMITS)).toMatchObject({
      status: 408,
      message: expect.stringContaining('BODY_TIMEOUT_SECONDS'),
    });
  });
});
