import type { PoolConnection } from 'mysql2';
import { breakOff } from './break-off.ts';
import { driverError, isServerFailure, verdictOf } from './failure.ts';
import type { HostChoice } from './host-choice.ts';

/** Which connections of a pool may be used. */
export interface PoolUpkeep {
  /** Whether the connection still has to be set up. */
  isNew(connection: PoolConnection): boolean;
  /** Notes that the connection is set up. */
  opened(connection: PoolConnection): void;
  /** Notes that whoever had the connection is done with it. */
  released(connection: PoolConnection): void;
  /** Whether the connection leads to a server that must not be used any more, or leads nowhere. */
  isRetired(connection: PoolConnection): boolean;
  /** Whether no known server takes writes. */
  isAway(): boolean;
  /**
   * Reports a failure on a connection. If the server or the network failed, the connection is closed and never used
   * again.
   */
  failed(connection: PoolConnection, error: Error): void;
}

// connections younger than this may already lead to another server, so they are kept
const YOUNG_MS = 1000;

/**
 * Keeps connections away from servers that no longer take writes. One name, such as a proxy's, may lead to another
 * server by now, so a refusal retires all connections that are older than it.
 *
 * A connection that fell silent is seldom the only one: a firewall forgets its connections, or a machine dies, without a
 * word to either end. Each other such connection would cost somebody the whole time that a statement may take, so those
 * that were idle meanwhile are retired too.
 *
 * @param choice if there are several hosts: connections to any but the chosen one are retired
 * @param timeoutMs how long a statement may take
 */
export function createUpkeep(choice: HostChoice | undefined, timeoutMs: number): PoolUpkeep {
  const openedAt = new WeakMap<PoolConnection, number>();
  const releasedAt = new WeakMap<PoolConnection, number>();
  let usableFrom = 0;
  let silentFrom = 0;
  return {
    isNew: (connection) => !openedAt.has(connection),
    opened: (connection) => void openedAt.set(connection, performance.now()),
    released: (connection) => void releasedAt.set(connection, performance.now()),
    isRetired(connection) {
      const wasUsedAt = releasedAt.get(connection);
      if (wasUsedAt !== undefined && wasUsedAt < silentFrom) return true;
      if (choice !== undefined) return choice.isLeft(hostOf(connection));
      const at = openedAt.get(connection);
      return at !== undefined && at < usableFrom;
    },
    isAway: () => choice?.isAway() ?? false,
    failed(connection, error) {
      if (!isServerFailure(error)) return;
      breakOff(connection);
      const isSilent = driverError(error)?.code === 'ETIMEDOUT';
      if (isSilent) silentFrom = performance.now() - timeoutMs;
      choice?.doubt(hostOf(connection), isSilent ? 'silence' : 'failure');
      if (verdictOf(error) === 'refused') usableFrom = performance.now() - YOUNG_MS;
    },
  };
}

function hostOf({ config: { host = 'localhost', port = 3306 } }: PoolConnection) {
  return { host, port };
}
