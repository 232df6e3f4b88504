/** How a process shuts down when it receives a signal. */
export interface Ending {
  /**
   * Registers a graceful shutdown, to be run from now on before the process ends.
   *
   * @param gaveUp called when the shutdown takes too long; the process then ends anyway
   * @param delayMs how much longer than usual the shutdown may take
   */
  endWith(end: (signal: string) => Promise<void>, gaveUp: () => void, delayMs?: number): void;
}

// on Ctrl-C the terminal signals both npm and the service, and npm forwards its own: two signals, milliseconds apart
const SAME_SIGNAL_MS = 500;
// requests get 10 seconds and mails 5; docs/operation.md gives the whole process 20 before it is killed
const DEADLINE_MS = 18_000;

/**
 * Ends the process on SIGTERM and Ctrl-C: gracefully once `endWith` was called, otherwise at once; a second signal ends
 * it at once in any case. Without handlers it would ignore both as the first process (PID 1) of a container, to which
 * the kernel applies no default signal action.
 *
 * @param exit ends the process; called with 1 when something was cut off
 * @param clock a monotonic clock in milliseconds
 */
export function endOnSignals(
  exit: (code: 0 | 1) => void,
  clock = () => performance.now(),
  signals: Pick<NodeJS.Process, 'on'> = process,
): Ending {
  let begun: Parameters<Ending['endWith']> | undefined;
  let endingSince: number | undefined;

  const told = (signal: string) => {
    if (endingSince !== undefined) {
      if (clock() - endingSince > SAME_SIGNAL_MS) exit(1);
      return;
    }
    endingSince = clock();
    if (begun === undefined) return exit(0);
    const [end, gaveUp, delayMs = 0] = begun;
    setTimeout(() => {
      gaveUp();
      exit(1);
    }, delayMs + DEADLINE_MS);
    end(signal).then(
      () => exit(0),
      () => exit(1),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.on(signal, told);
  return {
    endWith(...work) {
      begun = work;
    },
  };
}
