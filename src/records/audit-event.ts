import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type { Client } from '../client.ts';
import { newId } from '../crypto/id.ts';
import type { Db } from '../db/client.ts';
import { type AuditEventRow, auditEvents } from '../db/schema.ts';
import type { Json } from '../json.ts';

/** Everything that is put on record, and what each means. */
export const AUDIT_EVENT_TYPES = {
  REGISTERED: 'An account was registered.',
  REGISTRATION_REPEATED:
    'Somebody registered with the address of this account; its owner was told by mail.',
  LOGIN_SUCCEEDED: 'Somebody signed in; a session was opened.',
  LOGIN_FAILED: 'A sign-in failed; `detail.reason` says why.',
  LOGIN_CHALLENGED: 'The password was right and a code was asked for.',
  ACCOUNT_LOCKED: 'Too many attempts failed, and further ones are refused for a time.',
  REAUTHENTICATION_FAILED:
    'A signed-in person gave a wrong password or code for a sensitive change.',
  LOGGED_OUT: 'Somebody signed out; `detail.endedSessions` counts the sessions ended.',
  SESSION_REVOKED: 'A person ended one of their other sessions.',
  REFRESH_TOKEN_REUSED:
    'An old refresh token was presented, as a thief would; the session was ended.',
  PROFILE_UPDATED: 'A profile was changed; `detail.fields` names what.',
  EMAIL_VERIFICATION_REQUESTED: 'A link to confirm an e-mail address was asked for.',
  EMAIL_VERIFIED: 'The e-mail address was confirmed.',
  EMAIL_CHANGE_REQUESTED: 'Another e-mail address was given and waits for its confirmation.',
  EMAIL_CHANGED: 'The e-mail address was changed.',
  EMAIL_CHANGE_UNDONE: 'A change of the e-mail address was undone from the earlier address.',
  PASSWORD_CHANGED: 'The password was changed.',
  PASSWORD_RESET_REQUESTED:
    'A link to choose another password was asked for; without a user when nobody has the address.',
  PASSWORD_RESET: 'Another password was chosen by a link.',
  PASSWORD_REMOVED:
    'The password was made void until its owner chooses another; `detail.reason` says why.',
  INVITATION_ACCEPTED: 'An invited person chose a first password.',
  TOTP_ENROLMENT_STARTED: 'A TOTP secret was issued and waits for its first code.',
  TOTP_ENABLED: 'TOTP was turned on.',
  TOTP_DISABLED: 'TOTP was turned off.',
  RECOVERY_CODE_USED: 'A recovery code was used in the place of a TOTP code.',
  RECOVERY_CODES_REGENERATED: 'New recovery codes were issued; the earlier ones are void.',
  ACCOUNT_DELETED: 'An account was deleted.',
  USER_CREATED: 'An administrator or the operator created an account.',
  USER_INVITED: 'An invitation to choose a password was mailed.',
  USER_ROLE_CHANGED: 'An administrator changed a role.',
  USER_STATUS_CHANGED: 'An administrator disabled or enabled an account.',
  USER_METADATA_CHANGED: 'An administrator changed the application metadata of a user.',
  USER_UNLOCKED: 'An administrator lifted a lock.',
  USER_SESSIONS_REVOKED: 'An administrator ended all sessions of a user.',
  USER_TOTP_RESET: 'An administrator turned off TOTP for a user who lost it.',
  SIGNING_KEY_CREATED: 'A key for access tokens was created.',
  SIGNING_KEY_RETIRED: 'A key for access tokens was retired.',
} as const;

export type AuditEventType = keyof typeof AUDIT_EVENT_TYPES;
export type AuditEvent = AuditEventRow;

/** Who did what to whom. */
export interface NewAuditEvent {
  type: AuditEventType;
  /** Whose account it concerns; absent when the identifier belongs to nobody. */
  userId?: string | null;
  /** Who did it: left out, the user; `null`, the operator at the command line. */
  actorId?: string | null;
  sessionId?: string | null;
  client: Client;
  now: Date;
  /** More to say, never a secret and never what somebody typed. */
  detail?: Json;
}

/** Puts an event on record, in the transaction of what it tells of: neither is there without the other. */
export async function recordEvent(db: Db, event: NewAuditEvent): Promise<void> {
  const { type, client, now } = event;
  await db.insert(auditEvents).values({
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
  });
}

export interface AuditEventFilter {
  userId?: string | undefined;
  type?: AuditEventType | undefined;
}

/** Events from the newest to the oldest, those older than the event `after`. */
export async function listEvents(
  db: Db,
  filter: AuditEventFilter,
  page: { limit: number; after: string | null },
): Promise<AuditEvent[]> {
  return db
    .select()
    .from(auditEvents)
    .where(and(matches(filter), page.after === null ? undefined : lt(auditEvents.id, page.after)))
    .orderBy(desc(auditEvents.id))
    .limit(page.limit);
}

export async function countEventsSince(db: Db, type: AuditEventType, since: Date): Promise<number> {
  return db.$count(auditEvents, and(eq(auditEvents.type, type), gte(auditEvents.at, since)));
}

/**
 * Puts a pseudonym in the place of a deleted user in everything on record, and forgets addresses and devices. What
 * happened stays, and that it happened to one and the same account; who it was does not.
 *
 * @param pseudonym a UUID that only the holder of the server's key can connect with the user
 */
export async function pseudonymizeEvents(db: Db, userId: string, pseudonym: string): Promise<void> {
  const forgotten = { ipAddress: null, userAgent: null, sessionId: null, detail: {} };
  await db
    .update(auditEvents)
    .set({ ...forgotten, userId: pseudonym })
    .where(eq(auditEvents.userId, userId));
  // what they did to others was done from their address too
  await db
    .update(auditEvents)
    .set({ ipAddress: null, userAgent: null, actorId: pseudonym })
    .where(eq(auditEvents.actorId, userId));
}

function matches(filter: AuditEventFilter): SQL | undefined {
  return and(
    filter.userId === undefined ? undefined : eq(auditEvents.userId, filter.userId),
    filter.type === undefined ? undefined : eq(auditEvents.type, filter.type),
  );
}
