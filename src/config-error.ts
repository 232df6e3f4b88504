/** The configuration is unusable. `problems` names every wrong variable and never contains a value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const amount = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`The configuration has ${amount}:\n  ${problems.join('\n  ')}`);
    this.problems = problems;
  }
}
