import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, type AuditEventFilter, listEvents } from '../records/audit-event.ts';
import type { Deps } from './deps.ts';

const PAGE = 500;
const POLL_MS = 1000;
/**
 * Transactions commit in another order than their events were made, so an event can appear behind one that has been
 * given out already. No transaction stays open for longer than this, so this is how far back each poll looks again.
 */
const LATE_MS = 60_000;

/** All events on record, oldest first. */
export async function* readEvents(
  { db }: Pick<Deps, 'db'>,
  filter: AuditEventFilter,
): AsyncGenerator<AuditEvent> {
  for (let after: string | null = null; ; ) {
    const page: AuditEvent[] = await listEvents(db, filter, {
      limit: PAGE,
      after,
      first: 'oldest',
    });
    yield* page;
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE) return;
  }
}

/** The newest events, the oldest of them first. */
export async function lastEvents(
  { db }: Pick<Deps, 'db'>,
  filter: AuditEventFilter,
  count: number,
): Promise<AuditEvent[]> {
  const newest = await listEvents(db, filter, { limit: count, after: null });
  return newest.reverse();
}

/**
 * Gives out events as they are recorded, each once, until the signal aborts. It survives an outage of the database.
 *
 * @param options.since where to begin
 * @param options.given events that were given out already; they are left out
 * @param options.onFailure called with the error when the database could not be read
 */
export async function* followEvents(
  deps: Pick<Deps, 'db' | 'now'>,
  filter: AuditEventFilter,
  options: {
    since: Date;
    given: Iterable<AuditEvent>;
    signal: AbortSignal;
    onFailure: (error: unknown) => void;
  },
): AsyncGenerator<AuditEvent> {
  const given = new Map([...options.given].map(({ id, at }) => [id, at]));
  let { since } = options;
  while (!options.signal.aborted) {
    const asked = deps.now();
    try {
      for await (const event of readEvents(deps, { ...filter, since })) {
        if (given.has(event.id)) continue;
        given.set(event.id, event.at);
        yield event;
      }
      since = new Date(Math.max(since.getTime(), asked.getTime() - LATE_MS));
      for (const [id, at] of given) if (at < since) given.delete(id);
    } catch (error) {
      options.onFailure(error);
    }
    await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => {});
  }
}
