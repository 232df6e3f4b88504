import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { pino } from 'pino';

/** Where a log's lines go, several at a time. Nothing that is wrong there holds the service up, or ends it. */
export interface LogOutput {
  write(lines: string): void;
  /** Calls back when all that came before was written, or never will be. */
  whenWritten(done: () => void): void;
}

/** Is told how many lines were lost, when there is somewhere to say it again. */
export type LinesLost = (lines: number) => void;

// what is kept while the log cannot be written; many times what a moment ever has to say
const KEPT_BYTES = 4_000_000;

/** The output of this process: another program reads it, or it is a file or a terminal. */
export function standardOutput(lost: LinesLost): LogOutput {
  const output = fstatSync(process.stdout.fd);
  const isRead = output.isFIFO() || output.isSocket();
  return isRead ? readerOutput(process.stdout, lost) : fileOutput(lost);
}

/**
 * Hands lines to whoever reads them at the other end of a pipe or a socket. Node never waits there: a reader that stands
 * still, as a log driver may whose disk is full, would stop the event loop with it.
 */
export function readerOutput(stream: Writable, lost: LinesLost): LogOutput {
  const losses = countLosses(lost);
  // nobody listening would be the end of the process; one who does is enough for all the logs of it
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

/** Writes to a file at once. What cannot be written, as on a full disk, is kept and tried again with what comes next. */
export function fileOutput(lost: LinesLost): LogOutput {
  const output = pino.destination({ sync: true, maxLength: KEPT_BYTES });
  const losses = countLosses(lost);
  // nobody listening would be the end of the process
  output.on('error', () => undefined);
  output.on('drop', (lines: string) => {
    losses.count(lines);
    // what is full is not written to either, unless it is asked to
    output.write('');
  });
  output.on('drain', losses.tell);
  return { write: (lines) => void output.write(lines), whenWritten: (done) => done() };
}

/** Counts the lines that are lost until there is somewhere to tell of them. */
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
