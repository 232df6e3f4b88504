import fs from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fileOutput, readerOutput } from '../src/log-output.ts';
import { createLogger } from '../src/logger.ts';

const full = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

let written: string;
let isFull: boolean;
beforeEach(() => {
  written = '';
  isFull = false;
  vi.spyOn(fs, 'writeSync').mockImplementation((_fd: number, data: unknown) => {
    if (isFull) throw full();
    written += String(data);
    return Buffer.byteLength(String(data));
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const messages = () =>
  written
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { msg: string; lines?: number });

/** Logs as moments do that are apart from each other. */
function logApart(logger: ReturnType<typeof createLogger>, message: string): void {
  logger.info(message);
  logger.flush();
}

it('writes what it could not write as soon as it can, in its order', () => {
  const logger = createLogger('info', fileOutput);
  logApart(logger, 'before');
  isFull = true;
  for (const message of ['one', 'two', 'three']) logApart(logger, message);
  expect(messages().map(({ msg }) => msg)).toEqual(['before']);
  isFull = false;
  logApart(logger, 'after');
  expect(messages().map(({ msg }) => msg)).toEqual(['before', 'one', 'two', 'three', 'after']);
});

it('keeps a bounded amount while it cannot write, and says how much is lost when it can', async () => {
  const logger = createLogger('info', fileOutput);
  isFull = true;
  const long = 'x'.repeat(100_000);
  for (let i = 0; i < 50; i++) logApart(logger, long);
  isFull = false;
  // there is no room for it, until what was kept has been written
  logApart(logger, long);
  await vi.waitUntil(() => messages().some(({ lines }) => lines !== undefined));
  const kept = messages().filter(({ msg }) => msg === long).length;
  expect(kept).toBeGreaterThan(30);
  const lost = messages().find(({ lines }) => lines !== undefined)?.lines;
  expect(kept + (lost ?? 0)).toBe(51);
});

it('keeps a bounded amount while nobody reads, and says how much is lost when somebody does', async () => {
  let read = '';
  let isReading = false;
  let next = () => {};
  const reader = new Writable({
    decodeStrings: false,
    write(lines, _encoding, done) {
      const take = () => {
        read += lines;
        done();
      };
      if (isReading) take();
      else next = take;
    },
  });
  const logger = createLogger('info', (lost) => readerOutput(reader, lost));
  const long = 'x'.repeat(100_000);
  for (let i = 0; i < 50; i++) logApart(logger, long);
  expect(reader.writableLength).toBeLessThan(4_000_001);
  isReading = true;
  next();
  await vi.waitUntil(() => read.includes('lines of the log are lost'));
  const lines = read.split('\n').filter(Boolean);
  const kept = lines.length - 1;
  expect(kept).toBeGreaterThan(30);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ lines: 50 - kept });
  await new Promise<void>((resolve) => logger.flush(() => resolve()));
});

it('survives a reader that is gone', async () => {
  const reader = new PassThrough();
  const logger = createLogger('info', (lost) => readerOutput(reader, lost));
  reader.destroy(new Error('EPIPE'));
  logApart(logger, 'to nobody');
  await new Promise<void>((resolve) => logger.flush(() => resolve()));
});

it('leaves one listener behind, however many write to one reader', () => {
  const reader = new PassThrough();
  for (let i = 0; i < 20; i++) createLogger('info', (lost) => readerOutput(reader, lost));
  expect([reader.listenerCount('error'), reader.listenerCount('drain')]).toEqual([1, 0]);
});
