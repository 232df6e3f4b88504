import type { PoolConnection } from 'mysql2';
import { breakOff } from './break-off.ts';
import { driverError, isServerFailure, verdictOf } from './failure.ts';
import type { HostChoice } from './host-choice.ts';

/** Which connections of a pool may be used. */
export interface PoolUpkeep {
  /** Whether it has not been set up yet. */
  isNew(connection: PoolConnection): boolean;
  /** It is set up. */
  opened(connection: PoolConnection): void;
  /** Whether it leads to a server that is not to be used any more. */
  isRetired(connection: PoolConnection): boolean;
  /** Whether no server is known that takes writes. */
  isAway(): boolean;
  /** Something failed on it. When that was the server's or the network's fault, it is used no more. */
  failed(connection: PoolConnection, error: Error): void;
}

// what was opened meanwhile may lead elsewhere already
const YOUNG_MS = 1000;

/**
 * Keeps connections away from servers that take no writes any more. Behind one name, such as a proxy's, there may be
 * another server by now, so all connections that are older than the refusal are given up.
 *
 * @param choice where there are several hosts: what is not at the chosen one is given up
 */
export function createUpkeep(choice: HostChoice | undefined): PoolUpkeep {
  const openedAt = new WeakMap<PoolConnection, number>();
  let usableFrom = 0;
  return {
    isNew: (connection) => !openedAt.has(connection),
    opened: (connection) => void openedAt.set(connection, performance.now()),
    isRetired(connection) {
      if (choice !== undefined) return choice.isLeft(hostOf(connection));
      const at = openedAt.get(connection);
      return at !== undefined && at < usableFrom;
    },
    isAway: () => choice?.isAway() ?? false,
    failed(connection, error) {
      if (!isServerFailure(error)) return;
      breakOff(connection);
      const isSilent = driverError(error)?.code === 'ETIMEDOUT';
      choice?.doubt(hostOf(connection), isSilent ? 'silence' : 'failure');
      if (verdictOf(error) === 'refused') usableFrom = performance.now() - YOUNG_MS;
    },
  };
}

function hostOf({ config: { host = 'localhost', port = 3306 } }: PoolConnection) {
  return { host, port };
}
