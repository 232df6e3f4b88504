import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** 10 of 19: about a tenth of the processor time of a thread with priority 0, when both want the same core. */
const NICENESS = 10;

/**
 * Gives requests priority over hashes on the processor. libuv's threads, in which hashes run, then mostly get what the
 * event loop leaves over. A database in the same container, or on the same bare machine, goes before them too; any other
 * does not, because Linux compares priorities only within one group of processes. While nothing else needs the
 * processor, hashing is as fast as before. The other work of these threads, name lookups and file access, takes next to
 * nothing.
 *
 * Call it after libuv has had its first work, because libuv then starts all its threads at once. On Linux, each thread
 * has a priority of its own, and any user may lower it. On other systems, or where /proc is hidden, this does nothing.
 *
 * @see setpriority(2), "C library/kernel differences"
 */
export function lowerHashPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    for (const thread of libuvThreads()) setPriority(Number(thread), NICENESS);
  } catch {
    // hashes then compete with requests, as on other systems
  }
}

function libuvThreads(): string[] {
  const all = readdirSync('/proc/self/task').filter((id) => Number(id) !== process.pid);
  const named = all.filter((id) => aboutThread(id, 'comm').trim() === 'libuv-worker');
  // The threads have a name only since Node 22.15. Before that, they were the only threads besides the main one that
  // block no signal.
  return named.length > 0
    ? named
    : all.filter((id) => /^SigBlk:\s*0+$/m.test(aboutThread(id, 'status')));
}

const aboutThread = (id: string, file: 'comm' | 'status') =>
  readFileSync(`/proc/self/task/${id}/${file}`, 'utf8');
