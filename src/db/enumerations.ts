/** What a user may do. */
export type Role = 'USER' | 'ADMIN';
/** Whether a user may sign in. */
export type UserStatus = 'ACTIVE' | 'DISABLED';

/** Why a session is no more. */
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

/** What a token sent by mail is good for. */
export type EmailTokenPurpose =
  | 'VERIFY_EMAIL'
  | 'CHANGE_EMAIL'
  | 'UNDO_EMAIL_CHANGE'
  | 'RESET_PASSWORD'
  | 'INVITATION';

/**
 * FAILED is given up after MAIL_MAX_ATTEMPTS, until the operator says otherwise. KEPT is never sent: without a mail server,
 * in development, it is what /dev/mail shows.
 */
export type OutboxState = 'PENDING' | 'SENT' | 'FAILED' | 'KEPT';
