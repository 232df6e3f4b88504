import os from 'node:os';
import { sql } from 'drizzle-orm';
import type { Db } from './client.ts';

/** A clock that all instances share. */
export interface Clock {
  now(): Date;
  /** Compares with the database again. */
  adjust(): Promise<void>;
  /** How far ahead of this machine's clock the database's was when they were last compared; 0 where they agree. */
  offsetMs(): number;
}

// what the network and a busy process may add; below it the clocks agree
const TOLERATED_MS = 2000;

/**
 * Tells the time by the database's clock: of instances whose own clocks differ by a minute, each would take the other's
 * fresh refresh tokens for stolen ones. From one comparison to the next it is carried on by a clock that nobody sets, so
 * that an instance whose own is put right does not jump; and then it compares at once, for the machine may have slept.
 *
 * @param differs told when the clocks begin to differ, and with 0 when they agree again: which of them is wrong nobody can
 *   tell from here, and what all instances go by may be
 */
export function createClock(db: Db, differs: (offsetMs: number) => void = () => undefined): Clock {
  const here = () => ({ own: Date.now(), steady: performance.now(), uptime: os.uptime() * 1000 });
  let anchor = { at: Date.now(), ...here() };
  let offset = 0;
  let comparing: Promise<void> | undefined;

  async function compare(): Promise<void> {
    const asked = performance.now();
    const [rows] = await db.execute(sql`select unix_timestamp(utc_timestamp(3)) as seconds`);
    const arrived = here();
    const { own, steady } = arrived;
    // the answer was made somewhere on the way, and a slow one says the less
    const halfWay = (steady - asked) / 2;
    const theirs = firstValue(rows) * 1000 + halfWay;
    const isOff = Number.isFinite(theirs) && Math.abs(theirs - own) > TOLERATED_MS + halfWay;
    const before = offset;
    offset = isOff ? theirs - own : 0;
    anchor = { at: own + offset, ...arrived };
    if (isOff !== (before !== 0)) differs(offset);
  }

  function adjust(): Promise<void> {
    comparing ??= compare().finally(() => {
      comparing = undefined;
    });
    return comparing;
  }

  return {
    now() {
      const passed = performance.now() - anchor.steady;
      const jumped = Date.now() - anchor.own - passed;
      if (Math.abs(jumped) <= TOLERATED_MS) return new Date(anchor.at + passed);
      adjust().catch(() => undefined);
      // the steady clock stands still while the machine sleeps, and that of the uptime does not
      const slept = os.uptime() * 1000 - anchor.uptime - passed;
      return new Date(anchor.at + passed + (slept > TOLERATED_MS ? slept : 0));
    },
    adjust,
    offsetMs: () => offset,
  };
}

function firstValue(rows: unknown): number {
  const [row]: unknown[] = Array.isArray(rows) ? rows : [];
  return typeof row === 'object' && row !== null ? Number(Object.values(row)[0]) : Number.NaN;
}
