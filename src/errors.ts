/**
 * The failures a client must be able to tell apart. Each is a GraphQL object type of the same name in PascalCase, and a
 * member of the result union of every mutation that can fail this way. `{wait}` stands for how long to wait.
 */
export const ERROR_MESSAGES = {
  INVALID_INPUT: 'Some of the input is not valid. Correct the fields that are named and try again.',
  INVALID_CREDENTIALS:
    'The name or the password is not right. Check both and try again, or reset your password.',
  ACCOUNT_LOCKED:
    'Too many failed attempts. Wait {wait}, sign in from a device used before, or reset your password.',
  ACCOUNT_DISABLED: 'This account is disabled. Ask an administrator to enable it.',
  EMAIL_TAKEN:
    'An account with this e-mail address exists already. Sign in to it, or use another address.',
  USERNAME_TAKEN: 'This username is taken. Choose another.',
  INVALID_CODE:
    'The code is not right or has been used. Enter the current code of your authenticator app, or an unused recovery code.',
  INVALID_CHALLENGE:
    'This sign-in is over: it expired, was used, or failed too often. Sign in again.',
  INVALID_TOKEN:
    'This link is not valid any more: it expired, was used, or a newer one was sent. Ask for a new one.',
  INVALID_REFRESH_TOKEN: 'The session has ended. Sign in again.',
  REFRESH_TOKEN_REUSED:
    'An old refresh token was presented, so the session was ended for safety. Sign in again.',
  TOTP_ALREADY_ENABLED: 'TOTP is on already. Turn it off first to enrol another device.',
  TOTP_NOT_ENABLED:
    'TOTP is not on, or no enrolment is waiting for a code. Set up an authenticator app first.',
  NOT_FOUND: 'There is nothing with this id, or it is not yours.',
  SELF_TARGETED: 'Administrators cannot do this to their own account. Ask another administrator.',
  LAST_ADMIN: 'This is the last active administrator. Make somebody else an administrator first.',
  EMAIL_NOT_VERIFIED:
    'Confirm the e-mail address first: open the link in the newest message sent to it.',
} as const;

export type ErrorCode = keyof typeof ERROR_MESSAGES;

/** One invalid input field: its path, such as `newPassword`, and how to correct it. */
export interface FieldError {
  path: string;
  message: string;
}

/** An expected failure. It ends a flow and becomes a member of the mutation's result union. */
export class AuthError<Code extends ErrorCode = ErrorCode> extends Error {
  override name = 'AuthError';
  readonly code: Code;
  /** With INVALID_INPUT: which fields are wrong, and why. */
  readonly fields: readonly FieldError[];
  /** With ACCOUNT_LOCKED: seconds until the lock ends. */
  readonly retryAfter: number;

  constructor(code: Code, more: { fields?: readonly FieldError[]; retryAfter?: number } = {}) {
    super(withWait(ERROR_MESSAGES[code], more.retryAfter));
    this.code = code;
    this.fields = more.fields ?? [];
    this.retryAfter = more.retryAfter ?? 0;
  }
}

/**
 * Failures that any operation can meet: top-level GraphQL errors with `extensions.code`, where client libraries look
 * for them.
 */
export const REQUEST_ERROR_MESSAGES = {
  UNAUTHENTICATED: 'Sign in first: send a valid access token, or refresh the one that has expired.',
  FORBIDDEN: 'This account has no right to do this. Ask an administrator for it.',
  RATE_LIMITED: 'Too many requests of this kind. Wait {wait}.',
  OVERLOADED: 'The service is busy. Try again in {wait}.',
  UNAVAILABLE: 'The database cannot be reached at the moment. Try again in {wait}.',
  OUTCOME_UNKNOWN:
    'The database was lost while this was being stored. It may have been done: check, and try again if it was not.',
  BAD_USER_INPUT: 'The request is not valid.',
  CSRF_REJECTED:
    'A request that authenticates by cookie needs the header `x-csrf-protection: 1` and must come from a page of PUBLIC_URL or of an origin in CORS_ORIGINS.',
  INTERNAL_SERVER_ERROR:
    'Something went wrong on our side. Try again; if it keeps happening, tell the operator the request id.',
} as const;

export type RequestErrorCode = keyof typeof REQUEST_ERROR_MESSAGES;

/** A failure that any operation can meet; graphql/error-mask.ts turns it into a top-level error. */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly code: RequestErrorCode;
  /** Seconds after which a retry makes sense. */
  readonly retryAfter: number | undefined;

  constructor(
    code: RequestErrorCode,
    more: { message?: string; retryAfter?: number; cause?: Error } = {},
  ) {
    super(
      more.message ?? withWait(REQUEST_ERROR_MESSAGES[code], more.retryAfter),
      more.cause === undefined ? {} : { cause: more.cause },
    );
    this.code = code;
    this.retryAfter = more.retryAfter;
  }
}

/** Finds the RequestError in an error that libraries may have wrapped. */
export function requestErrorIn(error: unknown): RequestError | undefined {
  if (error instanceof RequestError) return error;
  return error instanceof Error ? requestErrorIn(error.cause) : undefined;
}

/** The wait in words, for people; programs read `retryAfter` instead. */
export function waitInWords(seconds: number): string {
  const [amount, unit] = seconds > 90 ? [Math.ceil(seconds / 60), 'minute'] : [seconds, 'second'];
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

function withWait(message: string, seconds = 1): string {
  return message.replace('{wait}', waitInWords(seconds));
}
