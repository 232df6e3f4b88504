import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { breakOff } from './break-off.ts';
import type { Host } from './connection.ts';
import { readVariables } from './session-settings.ts';

/**
 * Whether a server may be written to.
 *
 * - `open`: it takes writes, and none beside it should.
 * - `shared`: it takes writes, and so do the other nodes of its Galera cluster.
 * - `busy`: it had better not be written to, such as a Galera node that another one copies from.
 * - `closed`: it takes no writes, or does not answer.
 */
export type Standing = 'open' | 'shared' | 'busy' | 'closed';

const READ_ONLY = ['read_only', 'super_read_only', 'innodb_read_only', 'offline_mode'];
const VARIABLES = [...READ_ONLY, 'wsrep_on', 'wsrep_reject_queries'];
const GALERA_STATUS = ['wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state_comment'];

/**
 * Asks a server what it says of itself. Any user may, and it answers also when it refuses everything else.
 *
 * @param timeoutMs for each of two questions
 */
async function readStanding(connection: Connection, timeoutMs: number): Promise<Standing> {
  const variables = await readVariables(connection, 'global', VARIABLES, timeoutMs);
  const isOn = (name: string) => !['OFF', '0', undefined].includes(variables.get(name));
  if (READ_ONLY.some(isOn)) return 'closed';
  if (!isOn('wsrep_on')) return 'open';
  if ((variables.get('wsrep_reject_queries') ?? 'NONE') !== 'NONE') return 'closed';
  const status = await readVariables(connection, 'status', GALERA_STATUS, timeoutMs);
  // without the others a node cannot know what they decide
  if (status.get('wsrep_cluster_status') !== 'Primary') return 'closed';
  if (status.get('wsrep_ready') !== 'ON') return 'closed';
  return status.get('wsrep_local_state_comment') === 'Synced' ? 'shared' : 'busy';
}

/** Looks at one host again and again, over a connection that it keeps. */
export interface HostProbe {
  /** Answers within its time, whatever the host does. One look at a time. */
  look(): Promise<Standing>;
  /** Why it did not answer, when it did not. */
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
      // unheard, a connection that breaks would end the process
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
