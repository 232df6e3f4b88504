import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  pid: number;
  /** Everything it has printed so far. */
  lines: readonly string[];
  /** Resolves to the first line with this prefix, once it is printed; rejects if the child ends first. */
  line(start: string): Promise<string>;
  exited: Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs a script from this folder in its own process, which a test may kill. */
export function startChild(script: string, args: string[]): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of waiting) check();
  };
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      ended = true;
      wake();
      resolve();
    });
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (text) => {
      lines.push(text);
      wake();
    });
  }
  const line = (start: string) =>
    new Promise<string>((resolve, reject) => {
      const check = () => {
        const found = lines.find((text) => text.startsWith(start));
        if (found === undefined && !ended) return;
        waiting.delete(check);
        if (found !== undefined) resolve(found);
        else reject(new Error(`${script} ended without "${start}":\n${lines.join('\n')}`));
      };
      waiting.add(check);
      check();
    });
  return { pid: child.pid ?? 0, lines, line, exited, kill: (signal) => child.kill(signal) };
}
