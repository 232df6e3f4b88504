type Privilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

const READ_AND_WRITE: readonly Privilege[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/**
 * What the service's own user may do, table by table: everything it needs and nothing else. It changes no tables; the
 * user that migrates does.
 */
export const RUNTIME_TABLE_PRIVILEGES: Readonly<Record<string, readonly Privilege[]>> = {
  users: READ_AND_WRITE,
  pending_registrations: READ_AND_WRITE,
  totp_enrolments: READ_AND_WRITE,
  recovery_codes: READ_AND_WRITE,
  sessions: READ_AND_WRITE,
  login_challenges: READ_AND_WRITE,
  email_tokens: READ_AND_WRITE,
  outbox: READ_AND_WRITE,
  attempt_counters: READ_AND_WRITE,
  rate_limit_hits: READ_AND_WRITE,
  signing_keys: ['SELECT', 'INSERT', 'UPDATE'],
  job_leases: ['SELECT', 'UPDATE'],
  // what is on record is only ever added to; the procedures below do the rest, within their limits
  audit_events: ['SELECT', 'INSERT'],
  erasures: ['SELECT', 'INSERT', 'DELETE'],
  // to see at its start that nothing is left to migrate
  schema_migrations: ['SELECT'],
};

/** Run with the rights of the user that migrated, who therefore has to stay. */
export const RUNTIME_PROCEDURES = ['purge_audit_events', 'pseudonymize_audit_events'] as const;

/** What the user that migrates needs on the database, besides the right to pass on what the service's own user gets. */
export const MIGRATION_PRIVILEGES = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'CREATE',
  'ALTER',
  'DROP',
  'INDEX',
  'REFERENCES',
  'CREATE ROUTINE',
  'ALTER ROUTINE',
  'EXECUTE',
] as const;
