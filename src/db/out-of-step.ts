import type { PoolConnection } from 'mysql2';
import { breakOff, socketOf } from './break-off.ts';
import { driverError } from './failure.ts';

/**
 * Ends a connection whose server sends packets out of order, for example because bytes were lost or added on the way. The
 * driver only warns, and takes such packets for answers, possibly to somebody else's statement.
 */
export function endWhenOutOfStep(connection: PoolConnection): void {
  // the pool listens for the first error only; a second one without a listener would end the process
  connection.on('error', () => breakOff(connection));
  connection.on('warn', (warning: Error) => {
    const failure = Object.assign(warning, { code: 'PROTOCOL_PACKETS_OUT_OF_ORDER' });
    // reported like a network failure, and at once, so that the driver does not process the packet
    socketOf(connection)?.emit('error', failure);
  });
}

/**
 * Tells an unreadable answer from a regular refusal. After an unreadable one the rest of it, or the real answer, may still
 * follow, so the connection must not be used again.
 *
 * @param error the driver's error, if there is one
 * @returns why the statement failed, or null if it succeeded
 */
export function failureIn(error: Error | null, rows: unknown, isRead: boolean): Error | null {
  if (error === null && (Array.isArray(rows) || !isRead)) return null;
  // when an answer ends in the middle of a value, the driver passes on Node's RangeError
  if (error !== null && driverError(error) && !(error instanceof RangeError)) return error;
  const failure = new Error('The answer of the database could not be read.', { cause: error });
  return Object.assign(failure, { code: 'PROTOCOL_UNREADABLE_ANSWER' });
}
