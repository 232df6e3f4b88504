import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Ten of nineteen: a tenth of what a thread of priority 0 gets where both want the same core. */
const NICENESS = 10;

/**
 * Lets requests go before hashes on the processor. libuv's threads, where hashes run, then take mostly what the event loop
 * leaves, and what a database leaves that runs in the same container or on the same bare machine: Linux compares priorities
 * within one group of processes only. Without anything to go before, hashing is as fast as it was. What else these threads
 * do, name lookups and files, takes next to nothing.
 *
 * Call it when libuv has had its first work, for it starts its threads then, all at once. Linux gives each thread a priority
 * of its own, and anybody may lower it. Elsewhere, or where /proc is hidden, this does nothing.
 *
 * @see setpriority(2), "C library/kernel differences"
 */
export function lowerHashPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    for (const thread of libuvThreads()) setPriority(Number(thread), NICENESS);
  } catch {
    // then hashes compete with requests, as they do elsewhere
  }
}

function libuvThreads(): string[] {
  const all = readdirSync('/proc/self/task').filter((id) => Number(id) !== process.pid);
  const named = all.filter((id) => aboutThread(id, 'comm').trim() === 'libuv-worker');
  // They have a name since Node 22.15 only. Before, they were the only ones beside the main one to block no signal.
  return named.length > 0
    ? named
    : all.filter((id) => /^SigBlk:\s*0+$/m.test(aboutThread(id, 'status')));
}

const aboutThread = (id: string, file: 'comm' | 'status') =>
  readFileSync(`/proc/self/task/${id}/${file}`, 'utf8');
