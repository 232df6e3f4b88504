import type { Json } from '../json.ts';
import { findCounter } from '../records/attempt-counter.ts';
import {
  type AuditEvent,
  type AuditEventFilter,
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
import { counterKey } from './steps/attempt.ts';
import { attemptSubjectsOf } from './steps/erasure.ts';

const PAGE = 500;

/** The form of an export. It goes up when a name in it goes or means something else; names may be added under the same. */
export const DATA_EXPORT_VERSION = 1;

/** The same as JSON has it: dates as ISO 8601 text. */
type Exported<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Exported<Item>[]
    : T extends object
      ? { [Key in keyof T]: Exported<T[Key]> }
      : T;

/** Everything stored about a person, secrets left out. The README says what is under which name. */
export type DataExport = Exported<Awaited<ReturnType<typeof collect>>>;

/** Everything stored about a person, secrets left out, in a form that says which version of it this is. */
export async function exportUserData(deps: Deps, user: User): Promise<DataExport & Json> {
  return JSON.parse(JSON.stringify(await collect(deps, user)));
}

async function collect(deps: Deps, user: User) {
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
    auditEvents: (await allEvents(deps, { userId: user.id })).map(exportedEvent),
    // what an administrator did to others: that they did it, and not to whom
    administration: (await allEvents(deps, { actorId: user.id }))
      .filter((event) => event.userId !== user.id)
      .map(({ userId: _target, actorId: _self, detail: _theirs, ...event }) => event),
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
  return counted;
}

async function allEvents({ db }: Deps, filter: AuditEventFilter): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (let after: string | null = null; ; ) {
    const page: AuditEvent[] = await listEvents(db, filter, { limit: PAGE, after });
    events.push(...page);
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE) return events;
  }
}

/** Who an administrator is, and where they were, is not the person's own. */
function exportedEvent(event: AuditEvent) {
  const { userId: _owner, actorId, ...told } = event;
  if (isOwnAct(event)) return { ...told, by: 'OWNER' as const };
  const nowhere = { sessionId: null, ipAddress: null, userAgent: null };
  const by: 'OPERATOR' | 'ADMINISTRATOR' = actorId === null ? 'OPERATOR' : 'ADMINISTRATOR';
  return { ...told, ...nowhere, by };
}
