import { and, eq, lte, or } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { jobLeases } from '../db/schema.ts';

/** Work that one instance does for all. */
export type Job = 'housekeeping';

const { holder, expiresAt } = jobLeases;

/**
 * Makes an instance the one that does a job until `until`, or for longer when it is already. One statement decides: of any
 * number that ask at the same moment one is it, on the servers of a cluster too, and one that died is followed when its
 * time has run out. GET_LOCK would be each server's own.
 *
 * @returns whether it is this one's turn
 */
export async function takeLease(
  db: Db,
  job: Job,
  { by, now, until }: { by: string; now: Date; until: Date },
): Promise<boolean> {
  const result = await db
    .update(jobLeases)
    .set({ holder: by, expiresAt: until })
    .where(and(eq(jobLeases.job, job), or(eq(holder, by), lte(expiresAt, now))));
  return affectedRows(result) === 1;
}

/** Puts on record that a run came to its end. */
export async function finishRun(db: Db, job: Job, now: Date): Promise<void> {
  await db.update(jobLeases).set({ finishedAt: now }).where(eq(jobLeases.job, job));
}

/** Lets another instance go ahead at once. */
export async function giveLeaseUp(db: Db, job: Job, by: string, now: Date): Promise<void> {
  await db
    .update(jobLeases)
    .set({ expiresAt: now })
    .where(and(eq(jobLeases.job, job), eq(holder, by)));
}

/** Who does a job, until when, and when it was last done; `null` where nobody ever could. */
export async function findLease(db: Db, job: Job) {
  const [lease] = await db.select().from(jobLeases).where(eq(jobLeases.job, job));
  return lease ?? null;
}
