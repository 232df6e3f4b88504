import { desc, eq, getTableColumns } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import {
  emailTokens,
  loginChallenges,
  outbox,
  recoveryCodes,
  sessions,
  totpEnrolments,
  users,
} from '../db/schema.ts';
import { userColumns } from './user.ts';

/**
 * Where personal data is stored, table by table: under which name the export contains it, or why it does not. The tests
 * fail for a table that is missing here, and for a column that is neither exported nor left out.
 */
export const PERSONAL_DATA: Readonly<
  Record<string, { exportedAs: string; leavesOut?: readonly string[] } | { notExported: string }>
> = {
  users: {
    exportedAs: 'user',
    leavesOut: [
      // secrets
      'password_hash',
      'totp_secret',
      'totp_last_step',
      // copies of other columns, in the form in which they are searched
      'email_key',
      'username_key',
      'email_domain',
      'last_name',
    ],
  },
  pending_registrations: {
    notExported:
      'Who registered with an address is not known before it is confirmed, and need not be who has it. Forgotten a week after its link ran out.',
  },
  totp_enrolments: { exportedAs: 'totpEnrolment', leavesOut: ['user_id', 'secret'] },
  recovery_codes: { exportedAs: 'recoveryCodes', leavesOut: ['user_id', 'code_hash'] },
  sessions: { exportedAs: 'sessions', leavesOut: ['user_id', 'nonce'] },
  login_challenges: { exportedAs: 'loginChallenges', leavesOut: ['user_id', 'token_hash'] },
  email_tokens: { exportedAs: 'emailLinks', leavesOut: ['user_id', 'token_hash'] },
  // the envelope is the mail itself, which the person was sent; it contains tokens
  outbox: { exportedAs: 'mails', leavesOut: ['user_id', 'envelope'] },
  audit_events: { exportedAs: 'auditEvents', leavesOut: ['user_id', 'actor_id'] },
  attempt_counters: { exportedAs: 'failedAttempts', leavesOut: ['key', 'pending', 'owner'] },
  rate_limit_hits: {
    notExported:
      'Digests of addresses and accounts, forgotten when their window is over; nobody can tell whose they are.',
  },
  erasures: { notExported: 'Only accounts that are no more.' },
  signing_keys: { notExported: 'Nothing about anybody.' },
  job_leases: { notExported: 'Nothing about anybody.' },
};

/** The stored account itself, without its secrets. */
export async function readStoredUser(db: Db, id: string) {
  const [user] = await db
    .select({ ...userColumns, passwordChangedAt: users.passwordChangedAt })
    .from(users)
    .where(eq(users.id, id));
  return user ?? null;
}

/** All sessions that are still stored, including ended ones. */
export async function listStoredSessions(db: Db, userId: string) {
  const rows = await db
    .select()
    .from(sessions)
    .where(eq(sessions.userId, userId))
    .orderBy(desc(sessions.createdAt), desc(sessions.id));
  return rows.map(({ userId: _owner, nonce: _secret, ...session }) => session);
}

export async function readStoredEnrolment(db: Db, userId: string) {
  const [enrolment] = await db
    .select({ expiresAt: totpEnrolments.expiresAt })
    .from(totpEnrolments)
    .where(eq(totpEnrolments.userId, userId));
  return enrolment ?? null;
}

export async function listStoredRecoveryCodes(db: Db, userId: string) {
  return db
    .select({ id: recoveryCodes.id, usedAt: recoveryCodes.usedAt })
    .from(recoveryCodes)
    .where(eq(recoveryCodes.userId, userId))
    .orderBy(recoveryCodes.id);
}

/** Sign-ins that wait, or waited, for their second step. */
export async function listStoredChallenges(db: Db, userId: string) {
  const rows = await db
    .select()
    .from(loginChallenges)
    .where(eq(loginChallenges.userId, userId))
    .orderBy(desc(loginChallenges.createdAt));
  return rows.map(({ userId: _owner, tokenHash: _secret, ...challenge }) => challenge);
}

/** Links that were mailed to the user, and whether they were used. */
export async function listStoredEmailTokens(db: Db, userId: string) {
  const rows = await db
    .select()
    .from(emailTokens)
    .where(eq(emailTokens.userId, userId))
    .orderBy(desc(emailTokens.createdAt));
  return rows.map(({ userId: _owner, tokenHash: _secret, ...token }) => token);
}

/** Mails to the user that are still stored, without their contents. */
export async function listStoredMails(db: Db, userId: string) {
  const { envelope: _contents, userId: _owner, ...columns } = getTableColumns(outbox);
  return db
    .select(columns)
    .from(outbox)
    .where(eq(outbox.userId, userId))
    .orderBy(desc(outbox.createdAt), desc(outbox.id));
}
