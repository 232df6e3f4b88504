import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Ten of nineteen: a tenth of what a thread of priority 0 gets where both want the same core. */
const NICENESS = 10;

/**
 * Lets requests go before hashes on the processor. libuv's threads, where hashes run, take only what the event loop and a
 * database on the same machine leave, so that a flood of sign-ins delays nobody else. Without anything to go before,
 * hashing is as fast as it was.
 *
 * Linux gives each thread a priority of its own, and anybody may lower it. Elsewhere, or where /proc is hidden, this does
 * nothing.
 *
 * @returns how many threads it found; libuv starts them with the first work they get, all at once
 * @see setpriority(2), "C library/kernel differences"
 */
export function lowerHashPriority(): number {
  if (process.platform !== 'linux') return 0;
  try {
    const threads = readdirSync('/proc/self/task').filter(isOfLibuv);
    for (const thread of threads) setPriority(Number(thread), NICENESS);
    return threads.length;
  } catch {
    return 0;
  }
}

// they have a name only since Node 22.15, but they are the only ones beside the main one that block no signal: V8's block SIGPROF
function isOfLibuv(thread: string): boolean {
  if (Number(thread) === process.pid) return false;
  return /^SigBlk:\s*0+$/m.test(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'));
}
