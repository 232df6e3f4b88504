import { sql } from 'drizzle-orm';
import {
  type AnyMySqlColumn,
  bigint,
  boolean,
  datetime,
  foreignKey,
  index,
  int,
  mysqlTable,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/mysql-core';
import type { MailKind } from '../mail/message.ts';
import { bytes, exactText, jsonText, uuid, varbytes } from './columns.ts';
import type {
  EmailTokenPurpose,
  OutboxState,
  Role,
  SessionEndReason,
  UserStatus,
} from './enumerations.ts';

const instant = (name: string) => datetime(name, { mode: 'date', fsp: 3 });

export const users = mysqlTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    email: varchar('email', { length: 254 }).notNull(),
    emailKey: exactText('email_key', { length: 254 }).notNull(),
    // Administrators also search by this and by the last name. As generated columns, the database keeps both up to
    // date, whoever writes the row.
    emailDomain: exactText('email_domain', { length: 254 }).generatedAlwaysAs(
      sql`substring_index(email_key, '@', -1)`,
      { mode: 'stored' },
    ),
    emailVerifiedAt: instant('email_verified_at'),
    pendingEmail: varchar('pending_email', { length: 254 }),
    username: varchar('username', { length: 64 }),
    usernameKey: exactText('username_key', { length: 64 }),
    displayName: varchar('display_name', { length: 100 }),
    lastName: varchar('last_name', { length: 100 }).generatedAlwaysAs(
      sql`substring_index(display_name, ' ', -1)`,
      { mode: 'stored' },
    ),
    phrase: varchar('phrase', { length: 200 }),
    // null until an invited person has chosen a password
    passwordHash: exactText('password_hash', { length: 255 }),
    passwordChangedAt: instant('password_changed_at'),
    role: varchar('role', { length: 16 }).$type<Role>().notNull(),
    status: varchar('status', { length: 16 }).$type<UserStatus>().notNull(),
    appMetadata: jsonText('app_metadata').notNull(),
    // set once a code has confirmed the enrolment; until then the secret waits in totp_enrolments
    totpSecret: varbytes('totp_secret', { length: 255 }),
    totpEnabled: boolean('totp_enabled').generatedAlwaysAs(sql`totp_secret is not null`, {
      mode: 'stored',
    }),
    totpLastStep: bigint('totp_last_step', { mode: 'number' }),
    createdAt: instant('created_at').notNull(),
    updatedAt: instant('updated_at').notNull(),
    lastLoginAt: instant('last_login_at'),
  },
  (table) => [
    uniqueIndex('users_email_key_unique').on(table.emailKey),
    uniqueIndex('users_username_key_unique').on(table.usernameKey),
    index('users_created_at_index').on(table.createdAt, table.id),
    // each of these ends in the id, so that a filtered list can be read in id order from any position
    index('users_role_status_index').on(table.role, table.status, table.id),
    index('users_role_index').on(table.role, table.id),
    index('users_status_index').on(table.status, table.id),
    index('users_display_name_index').on(table.displayName, table.id),
    index('users_last_name_index').on(table.lastName, table.id),
    index('users_email_domain_index').on(table.emailDomain, table.id),
    // for metrics: how many users have TOTP on
    index('users_totp_index').on(table.totpEnabled),
  ],
);

// not in `users`: a registration waits here in the same way whether or not its address already has an account
export const pendingRegistrations = mysqlTable(
  'pending_registrations',
  {
    emailKey: exactText('email_key', { length: 254 }).primaryKey(),
    email: varchar('email', { length: 254 }).notNull(),
    // not unique: a username is taken only once its user exists
    username: varchar('username', { length: 64 }),
    displayName: varchar('display_name', { length: 100 }),
    phrase: varchar('phrase', { length: 200 }),
    passwordHash: exactText('password_hash', { length: 255 }).notNull(),
    // rejects most wrong passwords without computing a hash
    passwordHint: bytes('password_hint', { length: 1 }).notNull(),
    // of the newest link; if the address is taken, of a link that was sent to nobody
    tokenHash: bytes('token_hash', { length: 32 }).notNull(),
    createdAt: instant('created_at').notNull(),
    linkedAt: instant('linked_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    index('pending_registrations_token_index').on(table.tokenHash),
    index('pending_registrations_expiry_index').on(table.expiresAt),
  ],
);

/** A foreign key that deletes rows together with their user. */
const goesWithUser = (name: string, userId: AnyMySqlColumn) =>
  foreignKey({ name, columns: [userId], foreignColumns: [users.id] }).onDelete('cascade');

export const totpEnrolments = mysqlTable(
  'totp_enrolments',
  {
    userId: uuid('user_id').primaryKey(),
    secret: varbytes('secret', { length: 255 }).notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    index('totp_enrolments_expiry_index').on(table.expiresAt),
    goesWithUser('totp_enrolments_user_fk', table.userId),
  ],
);

export const recoveryCodes = mysqlTable(
  'recovery_codes',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    codeHash: bytes('code_hash', { length: 32 }).notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [
    uniqueIndex('recovery_codes_user_code_unique').on(table.userId, table.codeHash),
    goesWithUser('recovery_codes_user_fk', table.userId),
  ],
);

export const sessions = mysqlTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    // the current refresh token is derived from these two; each rotation increments the generation
    generation: int('generation').notNull(),
    nonce: bytes('nonce', { length: 16 }).notNull(),
    rotatedAt: instant('rotated_at').notNull(),
    remembered: boolean('remembered').notNull(),
    cookies: boolean('cookies').notNull(),
    amr: varchar('amr', { length: 32 }).notNull(),
    authenticatedAt: instant('authenticated_at').notNull(),
    createdAt: instant('created_at').notNull(),
    lastUsedAt: instant('last_used_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    absoluteExpiresAt: instant('absolute_expires_at').notNull(),
    endedAt: instant('ended_at'),
    endReason: varchar('end_reason', { length: 32 }).$type<SessionEndReason>(),
    ipAddress: varchar('ip_address', { length: 45 }),
    userAgent: varchar('user_agent', { length: 255 }),
  },
  (table) => [
    index('sessions_user_index').on(table.userId, table.endedAt, table.createdAt),
    // contains the end, so that live sessions are counted from the index alone
    index('sessions_expiry_index').on(table.expiresAt, table.endedAt),
    // for purging sessions that ended before they expired
    index('sessions_end_index').on(table.endedAt),
    goesWithUser('sessions_user_fk', table.userId),
  ],
);

export const loginChallenges = mysqlTable(
  'login_challenges',
  {
    tokenHash: bytes('token_hash', { length: 32 }).primaryKey(),
    userId: uuid('user_id').notNull(),
    // set if the device has signed in before: it has attempt counters of its own
    deviceId: uuid('device_id'),
    remembered: boolean('remembered').notNull(),
    cookies: boolean('cookies').notNull(),
    attempts: int('attempts').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    consumedAt: instant('consumed_at'),
  },
  (table) => [
    index('login_challenges_expiry_index').on(table.expiresAt),
    goesWithUser('login_challenges_user_fk', table.userId),
  ],
);

export const emailTokens = mysqlTable(
  'email_tokens',
  {
    tokenHash: bytes('token_hash', { length: 32 }).primaryKey(),
    purpose: varchar('purpose', { length: 24 }).$type<EmailTokenPurpose>().notNull(),
    userId: uuid('user_id').notNull(),
    // the address that it was sent to; it is valid for this address only
    email: varchar('email', { length: 254 }).notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    consumedAt: instant('consumed_at'),
  },
  (table) => [
    index('email_tokens_user_index').on(table.userId, table.purpose),
    index('email_tokens_purpose_index').on(table.purpose, table.expiresAt),
    goesWithUser('email_tokens_user_fk', table.userId),
  ],
);

export const outbox = mysqlTable(
  'outbox',
  {
    id: uuid('id').primaryKey(),
    // the owner, so that the mail is deleted with the account; null in the notice of the deletion itself
    userId: uuid('user_id'),
    kind: varchar('kind', { length: 32 }).$type<MailKind>().notNull(),
    // recipient and contents, encrypted because they contain tokens; null once it is sent
    envelope: varbytes('envelope', { length: 4096 }),
    state: varchar('state', { length: 8 }).$type<OutboxState>().notNull(),
    attempts: int('attempts').notNull(),
    createdAt: instant('created_at').notNull(),
    // when it may be sent next; whoever takes it moves this ahead, so that nobody else takes it meanwhile
    dueAt: instant('due_at').notNull(),
    finishedAt: instant('finished_at'),
    // the mail server's answer, without addresses
    lastError: varchar('last_error', { length: 255 }),
  },
  (table) => [
    index('outbox_due_index').on(table.state, table.dueAt),
    index('outbox_user_index').on(table.userId),
    goesWithUser('outbox_user_fk', table.userId),
  ],
);

export const attemptCounters = mysqlTable(
  'attempt_counters',
  {
    key: bytes('key', { length: 32 }).primaryKey(),
    failures: int('failures').notNull(),
    // attempts under way; they count as failures until their outcome is known
    pending: int('pending').notNull(),
    attemptedAt: instant('attempted_at').notNull(),
    lockedUntil: instant('locked_until'),
    // for the counter of a device: a digest of its user, by which all devices of a user are found; null for others
    owner: bytes('owner', { length: 32 }),
  },
  (table) => [
    index('attempt_counters_attempted_at_index').on(table.attemptedAt),
    index('attempt_counters_locked_until_index').on(table.lockedUntil),
    index('attempt_counters_owner_index').on(table.owner),
  ],
);

export const rateLimitHits = mysqlTable(
  'rate_limit_hits',
  {
    key: bytes('key', { length: 16 }).primaryKey(),
    hits: int('hits').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [index('rate_limit_hits_expiry_index').on(table.expiresAt)],
);

export const signingKeys = mysqlTable(
  'signing_keys',
  {
    id: exactText('id', { length: 64 }).primaryKey(),
    // every instance that finds no successor to key n tries to insert n + 1; only one of them succeeds
    sequence: int('sequence').notNull(),
    algorithm: varchar('algorithm', { length: 16 }).notNull(),
    publicJwk: jsonText('public_jwk').notNull(),
    privateJwk: varbytes('private_jwk', { length: 1024 }).notNull(),
    createdAt: instant('created_at').notNull(),
    signsFrom: instant('signs_from').notNull(),
    retiredAt: instant('retired_at'),
  },
  (table) => [uniqueIndex('signing_keys_sequence_unique').on(table.sequence)],
);

export const jobLeases = mysqlTable('job_leases', {
  // the migration inserts the rows, so that one UPDATE decides whose turn it is
  job: varchar('job', { length: 32 }).primaryKey(),
  holder: varchar('holder', { length: 255 }).notNull(),
  expiresAt: instant('expires_at').notNull(),
  // when the last run finished, by whichever holder
  finishedAt: instant('finished_at'),
});

export const auditEvents = mysqlTable(
  'audit_events',
  {
    id: uuid('id').primaryKey(),
    type: varchar('type', { length: 48 }).notNull(),
    at: instant('at').notNull(),
    // no foreign keys: the record outlives the account, under a pseudonym
    userId: uuid('user_id'),
    actorId: uuid('actor_id'),
    sessionId: uuid('session_id'),
    requestId: varchar('request_id', { length: 64 }),
    ipAddress: varchar('ip_address', { length: 45 }),
    userAgent: varchar('user_agent', { length: 255 }),
    detail: jsonText('detail').notNull(),
  },
  (table) => [
    index('audit_events_user_index').on(table.userId, table.id),
    index('audit_events_user_type_index').on(table.userId, table.type, table.id),
    index('audit_events_actor_index').on(table.actorId, table.id),
    index('audit_events_type_index').on(table.type, table.id),
    index('audit_events_at_index').on(table.at),
  ],
);

/**
 * Deleted accounts with more audit events than one statement changes. A row stays until all of them carry the
 * pseudonym.
 */
export const erasures = mysqlTable('erasures', {
  // the id of the deleted account; no foreign key, because the account is gone
  id: uuid('id').primaryKey(),
  pseudonym: uuid('pseudonym').notNull(),
});
