import { and, eq, lte, or } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { jobLeases } from '../db/schema.ts';

/** Work that one instance does for all. */
export type Job = 'housekeeping';

const { holder, expiresAt } = jobLeases;

/**
 * Leases a job to an instance until `until`; extends the lease if the instance has it already. One statement decides:
 * of any number of instances that ask at the same moment one gets the lease, even in a cluster, and the lease of an
 * instance that died expires. GET_LOCK would not do, because each server has locks of its own.
 *
 * @returns whether this instance has the lease
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

/** Records that a run has finished. */
export async function finishRun(db: Db, job: Job, now: Date): Promise<void> {
  await db.update(jobLeases).set({ finishedAt: now }).where(eq(jobLeases.job, job));
}

/** Ends the lease, so that another instance can go ahead at once. */
export async function giveLeaseUp(db: Db, job: Job, by: string, now: Date): Promise<void> {
  await db
    .update(jobLeases)
    .set({ expiresAt: now })
    .where(and(eq(jobLeases.job, job), eq(holder, by)));
}

/** Who has the lease, until when, and when the job was last finished; `null` if the job has no row. */
export async function findLease(db: Db, job: Job) {
  const [lease] = await db.select().from(jobLeases).where(eq(jobLeases.job, job));
  return lease ?? null;
}
