import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { breakOff } from './break-off.ts';
import type { Host } from './connection.ts';
import { readVariables } from './session-settings.ts';

/**
 * Whether a server may be written to.
 *
 * - `open`: it takes writes, and no other server should.
 * - `shared`: it takes writes, and so do the other nodes of its Galera cluster.
 * - `busy`: it takes writes but had better be avoided, such as a Galera node that another one is copying from.
 * - `closed`: it takes no writes, or does not answer.
 */
export type Standing = 'open' | 'shared' | 'busy' | 'closed';

const READ_ONLY = ['read_only', 'super_read_only', 'innodb_read_only', 'offline_mode'];
const VARIABLES = [...READ_ONLY, 'wsrep_on', 'wsrep_reject_queries'];
const GALERA_STATUS = ['wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state_comment'];

/**
 * Asks a server about itself. Any user may ask, and the server answers even when it refuses everything else.
 *
 * @param timeoutMs for each of the two queries
 */
async function readStanding(connection: Connection, timeoutMs: number): Promise<Standing> {
  const variables = await readVariables(connection, 'global', VARIABLES, timeoutMs);
  const isOn = (name: string) => !['OFF', '0', undefined].includes(variables.get(name));
  if (READ_ONLY.some(isOn)) return 'closed';
  if (!isOn('wsrep_on')) return 'open';
  if ((variables.get('wsrep_reject_queries') ?? 'NONE') !== 'NONE') return 'closed';
  const status = await readVariables(connection, 'status', GALERA_STATUS, timeoutMs);
  // without the majority, a node does not know what the others decide
  if (status.get('wsrep_cluster_status') !== 'Primary') return 'closed';
  if (status.get('wsrep_ready') !== 'ON') return 'closed';
  return status.get('wsrep_local_state_comment') === 'Synced' ? 'shared' : 'busy';
}

/** Probes one host repeatedly, over a connection that it keeps. */
export interface HostProbe {
  /** Answers within its time limit, whatever the host does. Only one look may run at a time. */
  look(): Promise<Standing>;
  /** Why the last look got no answer, if it got none. */
  failure(): Error | undefined;
  close(): void;
}

/** @param timeoutMs how long a host may be silent before it counts as closed */
export function createHostProbe(
  options: ConnectionOptions,
  { host, port }: Host,
  timeoutMs: number,
): HostProbe {
  let kept: Connection | undefined;
  let failure: Error | undefined;
  let isClosed = false;
  const drop = () => {
    if (kept !== undefined) breakOff(kept);
    kept = undefined;
  };
  const ask = async () => {
    if (kept === undefined) {
      kept = await createConnection({ ...options, host, port, connectTimeout: timeoutMs });
      // without a listener, a broken connection would crash the process
      kept.on('error', () => undefined);
      if (isClosed) throw new Error('Nobody wants to know any more.');
    }
    return readStanding(kept, timeoutMs);
  };
  return {
    async look() {
      try {
        const standing = await ask();
        failure = undefined;
        return standing;
      } catch (error) {
        failure = error instanceof Error ? error : undefined;
        drop();
        return 'closed';
      }
    },
    failure: () => failure,
    close() {
      isClosed = true;
      drop();
    },
  };
}
