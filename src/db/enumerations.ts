/** What a user may do. */
export type Role = 'USER' | 'ADMIN';
/** Whether a user may sign in. */
export type UserStatus = 'ACTIVE' | 'DISABLED';

/** Why a session ended. */
export type SessionEndReason =
  | 'LOGOUT'
  | 'REVOKED'
  | 'REVOKED_BY_ADMIN'
  | 'PASSWORD_CHANGED'
  | 'PASSWORD_RESET'
  | 'PASSWORD_REMOVED'
  | 'ACCOUNT_DISABLED'
  | 'REFRESH_TOKEN_REUSED'
  | 'SESSION_LIMIT';

/** What a token sent by mail may be used for. */
export type EmailTokenPurpose =
  | 'VERIFY_EMAIL'
  | 'CHANGE_EMAIL'
  | 'UNDO_EMAIL_CHANGE'
  | 'RESET_PASSWORD'
  | 'INVITATION';

/**
 * FAILED: given up after MAIL_MAX_ATTEMPTS, until an operator retries it. KEPT: never sent, but shown by /dev/mail in
 * development without a mail server.
 */
export type OutboxState = 'PENDING' | 'SENT' | 'FAILED' | 'KEPT';
