import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { pino } from 'pino';

/** Where log lines go, several at a time. No failure there blocks or ends the service. */
export interface LogOutput {
  write(lines: string): void;
  /** Calls back when all earlier lines have been written, or never will be. */
  whenWritten(done: () => void): void;
}

/** Called with the number of lost lines, once the log can be written to again. */
export type LinesLost = (lines: number) => void;

// how much is buffered while the log cannot be written; far more than normal operation produces in a moment
const KEPT_BYTES = 4_000_000;

/** This process's standard output: a pipe or socket that another program reads, a file, or a terminal. */
export function standardOutput(lost: LinesLost): LogOutput {
  const output = fstatSync(process.stdout.fd);
  const isRead = output.isFIFO() || output.isSocket();
  return isRead ? readerOutput(process.stdout, lost) : fileOutput(lost);
}

/**
 * Writes to a pipe or socket that another program reads. It uses Node's stream, which buffers and never blocks: a
 * synchronous write would stop the event loop while the reader is stuck, such as a log driver with a full disk.
 */
export function readerOutput(stream: Writable, lost: LinesLost): LogOutput {
  const losses = countLosses(lost);
  // an unhandled write error would end the process; one listener is enough for all loggers on this stream
  if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  const tellWhenEmpty = () => {
    if (stream.writableLength === 0) losses.tell();
  };
  return {
    write(lines) {
      if (stream.writableLength + lines.length > KEPT_BYTES) losses.count(lines);
      else stream.write(lines, tellWhenEmpty);
    },
    whenWritten: (done) => void stream.write('', done),
  };
}

/**
 * Writes to a file synchronously. Lines that cannot be written, as when the disk is full, are kept and retried with
 * later ones.
 */
export function fileOutput(lost: LinesLost): LogOutput {
  const output = pino.destination({ sync: true, maxLength: KEPT_BYTES });
  const losses = countLosses(lost);
  // without a listener a write error would end the process
  output.on('error', () => undefined);
  output.on('drop', (lines: string) => {
    losses.count(lines);
    // when the buffer is full, the destination drops lines without retrying; writing nothing makes it retry
    output.write('');
  });
  output.on('drain', losses.tell);
  return { write: (lines) => void output.write(lines), whenWritten: (done) => done() };
}

/** Counts lost lines until the loss can be reported. */
function countLosses(lost: LinesLost): { count(lines: string): void; tell(): void } {
  let dropped = 0;
  return {
    count(lines) {
      dropped += lines.split('\n').length - 1;
    },
    tell() {
      if (dropped === 0) return;
      const lines = dropped;
      dropped = 0;
      lost(lines);
    },
  };
}
