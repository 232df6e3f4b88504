/** One caller's turn at a connection. */
export interface Turn {
  /** Leaves the waiting line; does nothing once the caller is in. */
  giveUp(): void;
  /** Lets the next caller in. Only the first call counts. */
  leave(): void;
}

/** The callers of a pool. As many are in as the pool has connections; the others wait in line. */
export interface ConnectionLine {
  /**
   * @param enter called when it is the caller's turn, at once if there is room
   * @returns undefined when the line is too long
   */
  join(enter: (turn: Turn) => void): Turn | undefined;
  waiting(): number;
  /** Resolves when nobody is in any more. */
  idle(): Promise<void>;
}

// Ten times as many as the sign-ins that the service has to cope with at one moment. Whoever waits longer than a
// statement may take gets an error and leaves the line, so this only bounds memory (2 kB per caller, with its request)
// in a flood that the database cannot serve anyway.
const LONGEST_LINE = 10_000;

/**
 * Takes the place of the driver's own queue, which no caller can leave: in an outage, callers that had already got an
 * error stayed in that queue, and later ones waited behind them.
 *
 * @param places how many may be in at once
 */
export function createConnectionLine(places: number): ConnectionLine {
  // a Set keeps insertion order, and deletes from its middle as fast as from its ends
  const line = new Set<() => void>();
  const inside = new Set<Turn>();
  let onIdle: (() => void)[] = [];

  const admit = () => {
    const [next] = line;
    if (next !== undefined && inside.size < places) {
      line.delete(next);
      next();
    }
    if (inside.size > 0) return;
    const told = onIdle;
    onIdle = [];
    for (const tell of told) tell();
  };

  return {
    join(enter) {
      const begin = () => {
        inside.add(turn);
        enter(turn);
      };
      const turn: Turn = {
        giveUp: () => void line.delete(begin),
        leave() {
          if (inside.delete(turn)) admit();
        },
      };
      if (inside.size < places) begin();
      else if (line.size < LONGEST_LINE) line.add(begin);
      else return undefined;
      return turn;
    },
    waiting: () => line.size,
    idle: () =>
      inside.size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve)),
  };
}
