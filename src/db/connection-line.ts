/** One caller's turn at a connection. */
export interface Turn {
  /** Leaves the line; does nothing for who is in. */
  giveUp(): void;
  /** Lets the next one in. It counts once, however often it is said. */
  leave(): void;
}

/** The callers of a pool: as many are in as it has connections, and the others wait in line. */
export interface ConnectionLine {
  /**
   * @param enter is called when it is the caller's turn, at once where there is room
   * @returns undefined when the line is too long
   */
  join(enter: (turn: Turn) => void): Turn | undefined;
  waiting(): number;
  /** Resolves when nobody is in. */
  idle(): Promise<void>;
}

// Ten times the sign-ins that are to be borne at one moment. What waits longer than a statement may take is told so and gone,
// so this bounds memory (2 kB each, with its request's) in an onslaught that the database cannot answer anyway.
const LONGEST_LINE = 10_000;

/**
 * Stands before the driver's own queue, out of which nobody can step: in an outage callers who had long been answered
 * stayed in it, and those who came later waited behind them.
 *
 * @param places how many may be in
 */
export function createConnectionLine(places: number): ConnectionLine {
  // a Set keeps the order of insertion, and forgets one out of its middle as fast
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
