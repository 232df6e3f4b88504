import { type Logger as PinoLogger, pino } from 'pino';

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
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      // measured: looking deeper than this costs as much as the rest of a request
      paths: SECRET_FIELDS,
      censor: '[secret]',
    },
  });
}
