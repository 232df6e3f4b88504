import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { breakOff } from './break-off.ts';
import type { HostChoice } from './host-choice.ts';

/** Asks the database for a sign of life. */
export interface Pulse {
  /** @throws what the driver said, when there was none */
  feel(): Promise<void>;
  close(): void;
}

const PATIENCE_MS = 900;

/**
 * Asks over a connection of its own: in the pool it would wait behind requests, and a database that is only slow to some of
 * them would be taken for one that is away, by all instances at once.
 *
 * @param options without the hosts of a cluster; its sockets lead to the chosen one
 * @param choice where there are several hosts
 */
export function createPulse(options: ConnectionOptions, choice: HostChoice | undefined): Pulse {
  let kept: Connection | undefined;
  let isClosed = false;
  let feeling: Promise<void> | undefined;

  const drop = () => {
    if (kept !== undefined) breakOff(kept);
    kept = undefined;
  };
  const isLeft = ({ config: { host = 'localhost', port = 3306 } }: Connection) =>
    choice?.isLeft({ host, port }) ?? false;
  const ask = async () => {
    if (kept === undefined) {
      kept = await createConnection({ ...options, connectTimeout: PATIENCE_MS });
      // unheard, a connection that breaks would end the process; the next question finds out
      kept.on('error', () => undefined);
      if (isClosed) drop();
    }
    await kept?.query({ sql: 'select 1', timeout: PATIENCE_MS });
  };

  const askAgainWhereClosed = async () => {
    if (kept !== undefined && isLeft(kept)) drop();
    const wasOpen = kept !== undefined;
    try {
      await ask();
    } catch (error) {
      drop();
      // it may have been closed since the last question, for idleness or with a server that is back
      if (!wasOpen) throw error;
      await ask().catch((again: unknown) => {
        drop();
        throw again;
      });
    }
  };

  return {
    feel() {
      // whoever asks while an answer is awaited would open a connection more
      feeling ??= askAgainWhereClosed().finally(() => {
        feeling = undefined;
      });
      return feeling;
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}
