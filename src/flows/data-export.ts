import { inBatches } from '../db/batches.ts';
import { findCounter, listDeviceCounters } from '../records/attempt-counter.ts';
import {
  type AuditEvent,
  type AuditEventFilter,
  actorOf,
  isOwnAct,
  listEvents,
} from '../records/audit-event.ts';
import {
  listStoredChallenges,
  listStoredEmailTokens,
  listStoredMails,
  listStoredRecoveryCodes,
  listStoredSessions,
  readStoredEnrolment,
  readStoredUser,
} from '../records/personal-data.ts';
import type { User } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { counterKey, devicesKey } from './steps/attempt.ts';
import { attemptSubjectsOf } from './steps/erasure.ts';

const BATCH = 500;

/** The maximum number of events in one answer, which has to be bounded because strangers can cause events too. */
export const MOST_EVENTS = 10_000;

/** The version of the export's format. It goes up when a name is removed or changes meaning, not when one is added. */
const DATA_EXPORT_VERSION = 1;

/** A type as JSON has it: dates become ISO 8601 text. */
type Exported<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Exported<Item>[]
    : T extends object
      ? { [Key in keyof T]: Exported<T[Key]> }
      : T;

/** Everything stored about a person, except secrets. docs/operation.md says what each name holds. */
export type DataExport = StoredData & {
  /** Whether there are more than `MOST_EVENTS` events, of which only the newest are given. */
  auditEventsTruncated: boolean;
  administrationTruncated: boolean;
  auditEvents: ReturnType<typeof exportedEvent>[];
  administration: ReturnType<typeof exportedAct>[];
};

/** Everything but the audit events. */
type StoredData = Exported<Awaited<ReturnType<typeof readStored>>>;

/** Exports everything stored about a person, except secrets, and says which version of the format this is. */
export async function exportUserData(deps: Deps, user: User): Promise<DataExport> {
  const events = await newest(eventsOf(deps, { userId: user.id }));
  const acts = await newest(eventsOf(deps, { actorId: user.id }));
  return {
    ...(await storedData(deps, user)),
    auditEventsTruncated: events.isTruncated,
    administrationTruncated: acts.isTruncated,
    auditEvents: events.found.map(exportedEvent),
    administration: acts.found.filter(isActOnOthers).map(exportedAct),
  };
}

/**
 * The same export in parts, without a limit on events: `head` is everything but the lists, which come in batches.
 *
 * @returns `head`, and the lists by their names in the export
 */
export async function exportInParts(deps: Deps, user: User) {
  const head = { auditEventsTruncated: false, administrationTruncated: false };
  return {
    head: { ...(await storedData(deps, user)), ...head },
    lists: { auditEvents: allEvents(deps, user), administration: allActs(deps, user) },
  };
}

async function* allEvents(deps: Deps, { id }: User) {
  for await (const batch of eventsOf(deps, { userId: id })) yield batch.map(exportedEvent);
}

async function* allActs(deps: Deps, { id }: User) {
  for await (const batch of eventsOf(deps, { actorId: id })) {
    yield batch.filter(isActOnOthers).map(exportedAct);
  }
}

async function storedData(deps: Deps, user: User): Promise<StoredData> {
  return JSON.parse(JSON.stringify(await readStored(deps, user)));
}

async function readStored(deps: Deps, user: User) {
  const { db } = deps;
  return {
    version: DATA_EXPORT_VERSION,
    exportedAt: deps.now(),
    user: await readStoredUser(db, user.id),
    totpEnrolment: await readStoredEnrolment(db, user.id),
    recoveryCodes: await listStoredRecoveryCodes(db, user.id),
    sessions: await listStoredSessions(db, user.id),
    loginChallenges: await listStoredChallenges(db, user.id),
    emailLinks: await listStoredEmailTokens(db, user.id),
    mails: await listStoredMails(db, user.id),
    failedAttempts: await readFailedAttempts(deps, user),
  };
}

async function readFailedAttempts(deps: Deps, user: User) {
  const counted = [];
  for (const subject of attemptSubjectsOf(user)) {
    const counter = await findCounter(deps.db, counterKey(deps, subject));
    if (counter === null) continue;
    const { failures, attemptedAt, lockedUntil } = counter;
    const identifier = 'identifier' in subject ? subject.identifier : null;
    counted.push({ kind: subject.kind, identifier, failures, attemptedAt, lockedUntil });
  }
  for (const counter of await listDeviceCounters(deps.db, devicesKey(deps, user.id))) {
    const { failures, attemptedAt, lockedUntil } = counter;
    const kind = 'device' as const;
    counted.push({ kind, identifier: null, failures, attemptedAt, lockedUntil });
  }
  return counted;
}

function eventsOf({ db }: Deps, filter: AuditEventFilter): AsyncGenerator<AuditEvent[]> {
  return inBatches(BATCH, (batch) => listEvents(db, filter, batch));
}

async function newest(batches: AsyncGenerator<AuditEvent[]>) {
  const found: AuditEvent[] = [];
  for await (const batch of batches) {
    found.push(...batch);
    if (found.length > MOST_EVENTS) break;
  }
  return { found: found.slice(0, MOST_EVENTS), isTruncated: found.length > MOST_EVENTS };
}

/** An event for its user's export. Which administrator caused it, and from where, is not the user's own data. */
function exportedEvent(event: AuditEvent) {
  const { userId: _owner, actorId: _actor, at, ...told } = event;
  const exported = { ...told, at: at.toISOString(), by: actorOf(event) };
  if (isOwnAct(event)) return exported;
  return { ...exported, sessionId: null, ipAddress: null, userAgent: null };
}

const isActOnOthers = ({ userId, actorId }: AuditEvent) => userId !== actorId;

/** What an administrator did to others: what it was and when, but not to whom. */
function exportedAct({ userId: _them, actorId: _self, detail: _theirs, at, ...told }: AuditEvent) {
  return { ...told, at: at.toISOString() };
}
