import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, type AuditEventFilter, listEvents } from '../records/audit-event.ts';
import type { Deps } from './deps.ts';

const PAGE = 500;
const POLL_MS = 1000;
/**
 * Transactions are committed in another order than their events were made, so an event can appear behind one that was
 * given out already. None stays open for longer than this: it is what is looked through again each time.
 */
const LATE_MS = 60_000;

/** The events that are on record, the oldest first. */
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
 * Events as they come, each once, until the signal says to stop. It goes on when the database was away meanwhile.
 *
 * @param since from when on; what was given out already is left out
 * @param onFailure hears why the database could not be read
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
