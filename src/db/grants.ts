type Privilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

const READ_AND_WRITE: readonly Privilege[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/**
 * The privileges of the service's own database user, table by table: everything it needs and nothing else. Only the
 * user that migrates may change tables.
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
  // the service may only add audit events; the procedures below delete and change them, within their limits
  audit_events: ['SELECT', 'INSERT'],
  erasures: ['SELECT', 'INSERT', 'DELETE'],
  // read at startup, to see that no migration is pending
  schema_migrations: ['SELECT'],
};

/** These run with the privileges of the user that migrated, so that user must not be dropped. */
export const RUNTIME_PROCEDURES = ['purge_audit_events', 'pseudonymize_audit_events'] as const;

/**
 * What the user that migrates needs on the database, besides the right to grant the service's own user its privileges.
 */
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
