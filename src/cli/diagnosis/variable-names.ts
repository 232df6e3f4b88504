import { environment } from '../../environment.ts';
import type { Variables } from '../../variables.ts';
import { type Finding, findingsOf } from './finding.ts';

// shorter names resemble each other, and those of other programs, by chance
const SHORTEST = 6;

const configuration = findingsOf('configuration');

/** Finds variables whose names are almost those of the service, which ignores them without a word. */
export function checkNames(env: Variables): Finding[] {
  const known = Object.keys(environment.shape);
  return Object.keys(env).flatMap((name) => {
    if (name.length < SHORTEST || known.includes(name)) return [];
    const meant = known.find((other) => isOneLetterAway(name, other));
    if (meant === undefined) return [];
    const message = `${name} is set, but the service has no such variable. It has ${meant}.`;
    return [configuration.warning(message, `Rename it to ${meant}, or remove it.`)];
  });
}

/** Whether the names differ by one letter that is added, left out or replaced. */
function isOneLetterAway(one: string, other: string): boolean {
  let same = 0;
  while (same < one.length && one[same] === other[same]) same++;
  const [rest, otherRest] = [one.slice(same), other.slice(same)];
  return [
    [rest.slice(1), otherRest],
    [rest, otherRest.slice(1)],
    [rest.slice(1), otherRest.slice(1)],
  ].some(([a, b]) => a === b);
}
