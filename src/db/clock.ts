import { sql } from 'drizzle-orm';
import type { Db } from './client.ts';

/** A clock that all instances share. */
export interface Clock {
  now(): Date;
  /** Compares with the database again. */
  adjust(): Promise<void>;
}

// what the network and a busy process may add; below it the clocks agree
const TOLERATED_MS = 2000;

/**
 * Tells the time by the database's clock: of instances whose own clocks differ by a minute, each would take the other's
 * fresh refresh tokens for stolen ones.
 */
export function createClock(db: Db): Clock {
  let offsetMs = 0;
  return {
    now: () => new Date(Date.now() + offsetMs),
    async adjust() {
      const asked = Date.now();
      const [rows] = await db.execute(sql`select unix_timestamp(utc_timestamp(3)) as seconds`);
      const answered = Date.now();
      const seconds = firstValue(rows);
      const difference = seconds * 1000 - (asked + answered) / 2;
      offsetMs =
        Number.isFinite(difference) && Math.abs(difference) > TOLERATED_MS ? difference : 0;
    },
  };
}

function firstValue(rows: unknown): number {
  const [row]: unknown[] = Array.isArray(rows) ? rows : [];
  return typeof row === 'object' && row !== null ? Number(Object.values(row)[0]) : Number.NaN;
}
