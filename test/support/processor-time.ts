/**
 * A watch on how long this process has been busy, all of its threads together: what else the machine does meanwhile is not
 * counted, so that a limit on it means the same everywhere.
 *
 * @returns tells the milliseconds of processor time since the watch was started
 */
export function processorWatch(): () => number {
  const started = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  };
}
