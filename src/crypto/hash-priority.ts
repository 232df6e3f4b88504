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
    const threads = readdirSync('/proc/self/task').filter(isOfLibuv);
    for (const thread of threads) setPriority(Number(thread), NICENESS);
  } catch {
    // then hashes compete with requests, as they do elsewhere
  }
}

// they have a name only since Node 22.15, but they are the only ones beside the main one that block no signal: V8's block SIGPROF
function isOfLibuv(thread: string): boolean {
  if (Number(thread) === process.pid) return false;
  return /^SigBlk:\s*0+$/m.test(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'));
}
