import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type Environment, environment } from './environment.ts';
import { crossProblems } from './environment-problems.ts';

/** Variables by name; an empty one counts as not set. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The process's environment, which overrides the file `.env` in `directory`. */
export function readEnvironment(directory: string): Variables {
  const file = join(directory, '.env');
  return { ...(existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}), ...process.env };
}

/** The variables that are set and not blank, trimmed. */
export function givenVariables(env: Variables): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value?.trim()) given[name] = value.trim();
  }
  return given;
}

/**
 * Validates the variables of a process: each by itself, then in combination.
 *
 * @param variables by name, none of them empty
 * @returns the validated variables, or the problems; a problem names its variable and never contains a value
 */
export function readVariables(
  variables: Record<string, string>,
): { variables: Environment } | { problems: string[] } {
  const parsed = environment.safeParse(variables);
  const wrong = new Set(parsed.error?.issues.map((issue) => String(issue.path[0])));
  // One mistake must not hide others: check the combinations with defaults in place of the invalid variables.
  const rest = parsed.success ? parsed.data : environment.parse(without(variables, wrong));
  const problems = [
    ...(parsed.error?.issues ?? []).map(
      (issue) => `${String(issue.path[0])} ${lowerFirst(issue.message)}`,
    ),
    ...crossProblems(rest).filter((problem) => !wrong.has(problem.split(' ', 1)[0] ?? '')),
  ];
  return problems.length > 0 ? { problems } : { variables: rest };
}

function without(variables: Record<string, string>, names: Set<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.has(name)));
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
