import fs from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
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
  const logger = createLogger('info');
  logApart(logger, 'before');
  isFull = true;
  for (const message of ['one', 'two', 'three']) logApart(logger, message);
  expect(messages().map(({ msg }) => msg)).toEqual(['before']);
  isFull = false;
  logApart(logger, 'after');
  expect(messages().map(({ msg }) => msg)).toEqual(['before', 'one', 'two', 'three', 'after']);
});

it('keeps a bounded amount while it cannot write, and says how much is lost when it can', async () => {
  const logger = createLogger('info');
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
