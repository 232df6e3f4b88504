import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { breakOff } from './break-off.ts';
import type { HostChoice } from './host-choice.ts';

/** Checks whether the database answers. */
export interface Pulse {
  /** @throws the driver's error, if it does not answer */
  feel(): Promise<void>;
  close(): void;
}

const PATIENCE_MS = 900;

/**
 * Uses a connection of its own. In the pool, the check would wait behind requests, and all instances at once would take
 * a database that is slow for some requests for one that is down.
 *
 * @param options without the hosts of a cluster; the sockets already lead to the chosen one
 * @param choice if there are several hosts
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
      // without a listener, a broken connection would crash the process; the next check notices it
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
      // an old connection may have been closed since the last check, for idleness or by a restart of the server
      if (!wasOpen) throw error;
      await ask().catch((again: unknown) => {
        drop();
        throw again;
      });
    }
  };

  return {
    feel() {
      // concurrent callers share one check; each would open a connection of its own otherwise
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
