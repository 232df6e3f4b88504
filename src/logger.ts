import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import { type LinesLost, type LogOutput, standardOutput } from './log-output.ts';

/** Writes one line of JSON for each event. */
export type Logger = PinoLogger;

// fields that must never reach a log, even when somebody logs the object that holds them
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

/**
 * Makes a logger.
 *
 * @param level the least severe level to write: `debug`, `info`, `warn`, `error`, `fatal` or `silent`
 * @param outputTo where the lines go; standard output by default
 */
export function createLogger(
  level: string,
  outputTo: (lost: LinesLost) => LogOutput = standardOutput,
): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      // top-level fields only; measured: redacting deeper costs as much as the rest of a request
      paths: SECRET_FIELDS,
      censor: '[secret]',
    },
  };
  const lines = together(
    outputTo((lost) =>
      logger.error({ lines: lost }, 'lines of the log are lost: they could not be written'),
    ),
  );
  const logger = pino(options, lines);
  return logger;
}

const WRITE_WITHIN_MS = 10;

/**
 * Writes the lines of a few milliseconds together: under load, one system call per line would cost more than producing
 * the line. Before the process exits, the logger's `flush` writes what is left.
 */
function together(output: LogOutput): {
  write(line: string): void;
  flush(written?: () => void): void;
} {
  let lines = '';
  const flush = () => {
    if (lines === '') return;
    const batch = lines;
    lines = '';
    output.write(batch);
  };
  return {
    flush(written) {
      flush();
      if (written !== undefined) output.whenWritten(written);
    },
    write(line) {
      if (lines === '') setTimeout(flush, WRITE_WITHIN_MS);
      lines += line;
    },
  };
}
