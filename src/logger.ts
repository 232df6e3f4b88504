import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';

/** Writes one line of JSON for each event, whatever it holds. */
export type Logger = PinoLogger;

// what must never reach a log even when somebody logs the object that holds it
const SECRET_FIELDS = [
  'password',
  'newPassword',
  'currentPassword',
  'passwordHash',
  'code',
  'secret',
  'challenge',
  'token',
  'accessToken',
  'refreshToken',
  'deviceToken',
  'authorization',
  'cookie',
];

/** @param level the least important level to write: `debug`, `info`, `warn`, `error`, `fatal` or `silent` */
export function createLogger(level: string): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      // measured: looking deeper than this costs as much as the rest of a request
      paths: SECRET_FIELDS,
      censor: '[secret]',
    },
  };
  const output = standardOutput((lines) => {
    logger.error({ lines }, 'lines of the log are lost: they could not be written');
  });
  const logger = pino(options, output);
  return logger;
}

const WRITE_WITHIN_MS = 10;
// what is kept while the log cannot be written; many times what a moment ever has to say
const KEPT_BYTES = 4_000_000;

/**
 * Writes the lines of a moment together: under load a system call for each would cost more than making it. Before the
 * process exits, the logger's `flush` writes what is left.
 *
 * What cannot be written, as on a full disk, is kept and tried again with what comes next: a service whose log is away
 * serves all the same.
 *
 * @param lost is told how many lines were lost, when there is somewhere to say it again
 */
function standardOutput(lost: (lines: number) => void): {
  write(line: string): void;
  flush(): void;
} {
  const output = pino.destination({ sync: true, maxLength: KEPT_BYTES });
  let lines = '';
  let dropped = 0;
  // nobody listening would be the end of the process
  output.on('error', () => undefined);
  output.on('drop', (batch: string) => {
    dropped += batch.split('\n').length - 1;
    // what is full is not written to either, unless it is asked to
    output.write('');
  });
  output.on('drain', () => {
    if (dropped === 0) return;
    lost(dropped);
    dropped = 0;
  });
  const flush = () => {
    if (lines === '') return;
    const batch = lines;
    lines = '';
    output.write(batch);
  };
  return {
    flush,
    write(line) {
      if (lines === '') setTimeout(flush, WRITE_WITHIN_MS);
      lines += line;
    },
  };
}
