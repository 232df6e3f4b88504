/** How a process ends when it is told to. */
export interface Ending {
  /**
   * From now on there is work to be ended in order, before the process is.
   *
   * @param gaveUp told when that takes too long, before the process ends all the same
   * @param delayMs how much longer it may take than it usually does
   */
  endWith(end: (signal: string) => Promise<void>, gaveUp: () => void, delayMs?: number): void;
}

// a terminal sends Ctrl-C to npm and to the service, and npm passes its own on: it comes twice, some milliseconds apart
const SAME_SIGNAL_MS = 500;
// requests have ten seconds and mails five; whoever started this process kills it after twenty
const DEADLINE_MS = 18_000;

/**
 * Ends the process on SIGTERM and Ctrl-C: at once while there is nothing to be ended in order, and on a second signal. As the
 * first process of a container it would be deaf to them otherwise, for the system ends that one by no signal's default.
 *
 * @param exit ends the process, with a failure where something was cut off
 * @param clock a monotonic one in milliseconds
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
