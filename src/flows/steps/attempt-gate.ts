import { RequestError } from '../../errors.ts';

/**
 * Lets a bounded number of attempts at one account run at the same time in this process. The others wait in line,
 * instead of asking the database over and over whether it is their turn.
 */
export interface AttemptGate {
  /**
   * @returns a function to call on leaving
   * @throws {RequestError} OVERLOADED when the line is too long
   */
  enter(key: string): Promise<() => void>;
}

const LONGEST_LINE = 200;

/** @param places how many may be inside for one key: as many as may fail before the account is locked */
export function createAttemptGate(places: number): AttemptGate {
  const gates = new Map<string, { inside: number; line: (() => void)[] }>();

  return {
    async enter(key) {
      const gate = gates.get(key) ?? { inside: 0, line: [] };
      gates.set(key, gate);
      if (gate.inside < places) {
        gate.inside++;
      } else if (gate.line.length < LONGEST_LINE) {
        await new Promise<void>((resolve) => gate.line.push(resolve));
      } else {
        throw new RequestError('OVERLOADED', { retryAfter: 1 });
      }
      return () => {
        const next = gate.line.shift();
        if (next !== undefined) return next();
        gate.inside--;
        if (gate.inside === 0) gates.delete(key);
      };
    },
  };
}
