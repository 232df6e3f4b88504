import { and, asc, desc, eq, getTableColumns, gt, gte, lt, not, type SQL, sql } from 'drizzle-orm';
import type { Client } from '../client.ts';
import { leastIdAt, newId } from '../crypto/id.ts';
import type { Db } from '../db/client.ts';
import { isDenied } from '../db/failure.ts';
import { RUNTIME_PROCEDURES } from '../db/grants.ts';
import { insertBuiltOnce } from '../db/prepared-query.ts';
import { auditEvents } from '../db/schema.ts';
import type { Json } from '../json.ts';
import { isPendingErasure, pendingPseudonym } from './erasure.ts';

/** Every type of audit event, and what it means. */
export const AUDIT_EVENT_TYPES = {
  REGISTERED: 'An account was registered.',
  REGISTRATION_REPEATED:
    'Somebody registered with the address of this account; its owner was notified by mail.',
  LOGIN_SUCCEEDED: 'Somebody signed in; a session was opened.',
  LOGIN_FAILED: 'A sign-in failed; `detail.reason` says why.',
  LOGIN_CHALLENGED: 'The password was right, and a code was requested.',
  ACCOUNT_LOCKED: 'Too many attempts failed; further attempts are refused for some time.',
  REAUTHENTICATION_FAILED: 'A signed-in user gave a wrong password or code for a sensitive change.',
  LOGGED_OUT: 'Somebody signed out; `detail.endedSessions` counts the sessions ended.',
  SESSION_REVOKED: 'A user ended one of their other sessions.',
  SESSION_LIMIT_REACHED:
    'A sign-in exceeded the session limit and ended the oldest sessions; `detail.endedSessions` counts them.',
  REFRESH_TOKEN_REUSED:
    'An old refresh token was used again, possibly by a thief; the session was ended.',
  PROFILE_UPDATED: 'A profile was changed; `detail.fields` lists the fields.',
  EMAIL_VERIFICATION_REQUESTED:
    'A link to confirm an e-mail address was requested; without a user, by a registration that is not confirmed yet.',
  EMAIL_VERIFIED: 'The e-mail address was confirmed.',
  EMAIL_CHANGE_REQUESTED: 'A new e-mail address was entered and is not confirmed yet.',
  EMAIL_CHANGED: 'The e-mail address was changed.',
  EMAIL_CHANGE_UNDONE:
    'A change of the e-mail address was undone with the link mailed to the earlier address.',
  PASSWORD_CHANGED: 'The password was changed.',
  PASSWORD_RESET_REQUESTED:
    'A link to choose another password was requested; without a user if nobody has the address.',
  PASSWORD_RESET: 'A new password was chosen with a mailed link.',
  PASSWORD_REMOVED:
    'The password was invalidated until its owner chooses another; `detail.reason` says why.',
  INVITATION_ACCEPTED: 'An invited user chose a first password.',
  TOTP_ENROLMENT_STARTED: 'A TOTP secret was issued and is waiting for its first code.',
  TOTP_ENABLED: 'TOTP was turned on.',
  TOTP_DISABLED: 'TOTP was turned off.',
  RECOVERY_CODE_USED: 'A recovery code was used instead of a TOTP code.',
  RECOVERY_CODES_REGENERATED: 'New recovery codes were issued; the earlier ones no longer work.',
  ACCOUNT_DELETED: 'An account was deleted.',
  USER_CREATED: 'An administrator or the operator created an account.',
  USER_INVITED: 'An invitation to choose a password was mailed.',
  USER_ROLE_CHANGED: 'An administrator changed a role.',
  USER_STATUS_CHANGED: 'An administrator disabled or enabled an account.',
  USER_METADATA_CHANGED: 'An administrator changed the application metadata of a user.',
  USER_UNLOCKED: 'An administrator lifted a lockout.',
  USER_SESSIONS_REVOKED: 'An administrator ended all sessions of a user.',
  USER_TOTP_RESET: 'An administrator turned TOTP off for a user who could no longer use it.',
  SIGNING_KEY_CREATED: 'A key that signs access tokens was created.',
  SIGNING_KEY_RETIRED: 'A key that signs access tokens was retired.',
  SECRETS_REWRAPPED:
    'Stored secrets were re-encrypted under the current AUTH_SECRET; `detail` counts them.',
  ACCESS_DENIED:
    'Somebody who is not an administrator tried to administer. Recorded at most once a minute for each account.',
} as const;

export type AuditEventType = keyof typeof AUDIT_EVENT_TYPES;
export type AuditEvent = typeof auditEvents.$inferSelect;

/** Whether the user did it, or somebody who passed for them, as opposed to an administrator. */
export function isOwnAct(event: AuditEvent): boolean {
  return event.actorId === event.userId;
}

// what anybody can cause who knows an address, or got hold of a token
const TAKES_NO_PROOF: ReadonlySet<string> = new Set<AuditEventType>([
  'REGISTRATION_REPEATED',
  'LOGIN_FAILED',
  'ACCOUNT_LOCKED',
  'REAUTHENTICATION_FAILED',
  'REFRESH_TOKEN_REUSED',
  'PASSWORD_RESET_REQUESTED',
]);

/** Who caused an event, from the point of view of the user it concerns; `UNKNOWN` if nobody proved who they were. */
export function actorOf(event: AuditEvent): 'OWNER' | 'ADMINISTRATOR' | 'OPERATOR' | 'UNKNOWN' {
  if (TAKES_NO_PROOF.has(event.type)) return 'UNKNOWN';
  if (isOwnAct(event)) return 'OWNER';
  if (event.actorId !== null) return 'ADMINISTRATOR';
  // administrators' acts without an account come from the command line
  return event.type.startsWith('USER_') ? 'OPERATOR' : 'UNKNOWN';
}

/** Who did what to whom. */
export interface NewAuditEvent {
  type: AuditEventType;
  /** The account that it concerns; absent when the identifier belongs to nobody. */
  userId?: string | null;
  /** Who did it. Omitted: the user. `null`: the operator at the command line, or somebody who is not known. */
  actorId?: string | null;
  sessionId?: string | null;
  client: Client;
  now: Date;
  /** Further details, but never a secret, and never what somebody typed. */
  detail?: Json;
}

const insert = insertBuiltOnce(auditEvents);

/** Records an event, in the transaction of what it reports: neither exists without the other. */
export async function recordEvent(db: Db, event: NewAuditEvent): Promise<void> {
  await insert(db).execute(rowOf(event));
}

/** Records many events with one statement. */
export async function recordEvents(db: Db, events: readonly NewAuditEvent[]): Promise<void> {
  if (events.length > 0) await db.insert(auditEvents).values(events.map(rowOf));
}

function rowOf(event: NewAuditEvent): AuditEvent {
  const { type, client, now } = event;
  return {
    id: newId(now),
    type,
    at: now,
    userId: event.userId ?? null,
    actorId: event.actorId === undefined ? (event.userId ?? null) : event.actorId,
    sessionId: event.sessionId ?? null,
    requestId: client.requestId,
    ipAddress: client.ipAddress,
    userAgent: client.userAgent,
    detail: event.detail ?? {},
  };
}

export interface AuditEventFilter {
  userId?: string | undefined;
  /** Who did it. */
  actorId?: string | undefined;
  type?: AuditEventType | undefined;
  /** From this instant on. */
  since?: Date | undefined;
  /** Before this instant. */
  until?: Date | undefined;
}

/** Whether there is an event of a type about a user that is no older than `since`. */
export async function hasEventSince(
  db: Db,
  event: { userId: string; type: AuditEventType },
  since: Date,
): Promise<boolean> {
  const rows = await listEvents(db, { ...event, since }, { limit: 1, after: null });
  return rows.length > 0;
}

/** A page of events: at most `limit` of them, after the event `after` in the requested order. */
export interface EventPage {
  limit: number;
  after: string | null;
  /** The order; `newest` by default. */
  first?: 'newest' | 'oldest';
}

const eventColumns = {
  ...getTableColumns(auditEvents),
  // Read in the same statement. If an erasure finished between two statements, events read by the first would keep the
  // old ids.
  userPseudonym: pendingPseudonym(auditEvents.userId),
  actorPseudonym: pendingPseudonym(auditEvents.actorId),
};

/**
 * Reads a page of events, newest or oldest first. Events of a deleted account look as they will when its erasure is
 * complete, and cannot be found by the account's former id.
 */
export async function listEvents(
  db: Db,
  filter: AuditEventFilter,
  { limit, after, first = 'newest' }: EventPage,
): Promise<AuditEvent[]> {
  const [isBeyond, inOrder] = first === 'newest' ? [lt, desc] : [gt, asc];
  const asked = [filter.userId, filter.actorId].filter((id) => id !== undefined);
  const rows = await db
    .select(eventColumns)
    .from(auditEvents, { forceIndex: indexOf(filter) })
    .where(
      and(
        matches(filter),
        ...asked.map((id) => not(isPendingErasure(id))),
        after === null ? undefined : isBeyond(auditEvents.id, after),
      ),
    )
    .orderBy(inOrder(auditEvents.id))
    .limit(limit);
  return rows.map(asErased);
}

/** An event as the erasing procedure will leave it, for events that the procedure has not reached yet. */
function asErased({
  userPseudonym,
  actorPseudonym,
  ...event
}: AuditEvent & Record<'userPseudonym' | 'actorPseudonym', string | null>): AuditEvent {
  if (userPseudonym === null && actorPseudonym === null) return event;
  return {
    ...event,
    userId: userPseudonym ?? event.userId,
    actorId: actorPseudonym ?? event.actorId,
    sessionId: null,
    ipAddress: null,
    userAgent: null,
    detail: userPseudonym === null ? event.detail : {},
  };
}

/** The index that holds exactly these events, in their order. Left to choose, a server may scan all events. */
function indexOf({ userId, actorId, type }: AuditEventFilter): string {
  if (actorId !== undefined && userId === undefined) return 'audit_events_actor_index';
  if (userId !== undefined && type !== undefined) return 'audit_events_user_type_index';
  if (userId !== undefined) return 'audit_events_user_index';
  return type !== undefined ? 'audit_events_type_index' : 'PRIMARY';
}

export async function countEventsSince(db: Db, type: AuditEventType, since: Date): Promise<number> {
  return db.$count(auditEvents, matches({ type, since }));
}

/**
 * Deletes the oldest events from before a time, at most `limit` of them. A stored procedure does it, which spares
 * events younger than 30 days, whatever it is asked.
 *
 * @returns how many were deleted
 */
export async function purgeEvents(db: Db, before: Date, limit: number): Promise<number> {
  const [result] = await db.execute(
    sql`call purge_audit_events(${sql.param(before, auditEvents.at)}, ${limit})`,
  );
  return result.affectedRows;
}

/** What the database allows the service's user to do with audit events. */
export interface EventGuard {
  /** Whether it can change or delete events without the procedures. */
  canChange: boolean;
  /** Procedures that do not exist, or that it may not use. */
  missingProcedures: string[];
}

/** Asks by trying: the database refuses a statement that is not allowed, even one that would match no row. */
export async function checkEventGuard(db: Db): Promise<EventGuard> {
  const isAllowed = (statement: SQL) =>
    db.execute(statement).then(
      () => true,
      (error: unknown) => {
        if (isDenied(error)) return false;
        throw error;
      },
    );
  const [rows] = await db.execute(
    sql`select routine_name as name from information_schema.routines where routine_schema = database()`,
  );
  const found = new Set((rows as unknown as { name: string }[]).map(({ name }) => name));
  return {
    canChange:
      (await isAllowed(sql`update ${auditEvents} set type = type where 1 = 0`)) ||
      (await isAllowed(sql`delete from ${auditEvents} where 1 = 0`)),
    missingProcedures: RUNTIME_PROCEDURES.filter((name) => !found.has(name)),
  };
}

function matches(filter: AuditEventFilter): SQL | undefined {
  return and(
    filter.userId === undefined ? undefined : eq(auditEvents.userId, filter.userId),
    filter.actorId === undefined ? undefined : eq(auditEvents.actorId, filter.actorId),
    filter.type === undefined ? undefined : eq(auditEvents.type, filter.type),
    // ids begin with the time, so the index that orders events also bounds them by time
    filter.since === undefined ? undefined : gte(auditEvents.id, leastIdAt(filter.since)),
    filter.until === undefined ? undefined : lt(auditEvents.id, leastIdAt(filter.until)),
  );
}
