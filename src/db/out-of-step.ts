import type { PoolConnection } from 'mysql2';
import { breakOff, socketOf } from './break-off.ts';
import { driverError } from './failure.ts';

/**
 * Gives a connection up whose server speaks out of turn, as when bytes were lost or added on the way. The driver only warns
 * of packets that are out of order and takes them for answers, which would be somebody else's.
 */
export function endWhenOutOfStep(connection: PoolConnection): void {
  // the pool hears the first error alone; another one, which nobody hears, would be the end of the process
  connection.on('error', () => breakOff(connection));
  connection.on('warn', (warning: Error) => {
    const failure = Object.assign(warning, { code: 'PROTOCOL_PACKETS_OUT_OF_ORDER' });
    // as if the network had failed, and at once: so the packet is not looked at
    socketOf(connection)?.emit('error', failure);
  });
}

/**
 * Tells an answer that makes no sense from one that is a refusal: what comes behind it is the rest of it, or the answer
 * itself, and the connection must not be used again.
 *
 * @param error what the driver said of it, if it said anything
 * @returns why the statement failed, or null
 */
export function failureIn(error: Error | null, rows: unknown, isRead: boolean): Error | null {
  if (error === null && (Array.isArray(rows) || !isRead)) return null;
  // an answer that breaks off in the middle of a value: the driver tells what Node said
  if (error !== null && driverError(error) && !(error instanceof RangeError)) return error;
  const failure = new Error('The answer of the database could not be read.', { cause: error });
  return Object.assign(failure, { code: 'PROTOCOL_UNREADABLE_ANSWER' });
}
