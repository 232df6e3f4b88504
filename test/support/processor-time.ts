/**
 * Measures the processor time of this process, over all threads. Other load on the machine does not count, so a limit on it
 * means the same everywhere.
 *
 * @returns a function that returns the milliseconds of processor time since this call
 */
export function processorWatch(): () => number {
  const started = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  };
}
