import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const hasProc = existsSync('/proc/self/stat');

/**
 * When the process started, in a form that is only good for comparing. Pids are reused sooner or later, but not
 * together with the start time. `null` when no such process is running.
 */
export function processStart(pid: number): string | null {
  return hasProc ? startFromProc(pid) : startFromPs(pid);
}

/** The command line of a running process, or an empty string. */
export function processCommand(pid: number): string {
  try {
    if (hasProc) return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return ps('command=', pid);
  } catch {
    return '';
  }
}

function startFromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything, also spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticksSinceBoot] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X' || ticksSinceBoot === undefined) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticksSinceBoot}`;
  } catch {
    return null;
  }
}

function startFromPs(pid: number): string | null {
  try {
    const state = ps('state=', pid);
    return state === '' || state.startsWith('Z') ? null : ps('lstart=', pid);
  } catch {
    return null;
  }
}

function ps(column: string, pid: number): string {
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8', stdio }).trim();
}
