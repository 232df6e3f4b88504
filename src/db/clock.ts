import os from 'node:os';
import { sql } from 'drizzle-orm';
import type { Db } from './client.ts';

/** A clock that all instances share. */
export interface Clock {
  now(): Date;
  /** Compares this machine's clock with the database's again. */
  adjust(): Promise<void>;
  /** How far ahead of this machine's clock the database's was at the last comparison; 0 if they agree. */
  offsetMs(): number;
}

// network and a busy process may delay an answer this much; below it the clocks count as equal
const TOLERATED_MS = 2000;

/**
 * Tells the time by the database's clock: if the clocks of two instances differed by a minute, each would take the
 * other's fresh refresh tokens for stolen ones. Between two comparisons a monotonic clock carries the time on, so that
 * the service's time does not jump when the system clock is set. When the system clock does jump, it is compared with
 * the database at once, because the machine may have slept.
 *
 * @param differs called when the clocks begin to differ, and with 0 when they agree again. Which clock is wrong cannot
 *   be told from here: it may be the database's, which all instances go by.
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
    // the database read its clock at some moment between question and answer; the slower the answer, the less exact
    // this is
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
      // the monotonic clock stops while the machine sleeps, the uptime does not
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
