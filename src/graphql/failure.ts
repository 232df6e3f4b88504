import { type AuthError, ERROR_MESSAGES, type ErrorCode, type FieldError } from '../errors.ts';
import { builder } from './builder.ts';

/** An expected failure as plain data: GraphQL would treat a returned Error as a failed field. */
export interface Failure {
  kind: string;
  code: ErrorCode;
  message: string;
  fields: readonly FieldError[];
  retryAfter: number;
}

/** The union member for an expected failure. */
export function failureOf({ code, message, fields, retryAfter }: AuthError): Failure {
  return { kind: typeNameOf(code), code, message, fields, retryAfter };
}

const DESCRIPTIONS: Record<ErrorCode, string> = {
  INVALID_INPUT: 'Some of the input is not valid.',
  INVALID_CREDENTIALS: 'The name or the password is wrong.',
  ACCOUNT_LOCKED: 'Too many attempts have failed; further ones are refused for a time.',
  ACCOUNT_DISABLED: 'An administrator has disabled the account.',
  EMAIL_TAKEN: 'Another account has this e-mail address.',
  USERNAME_TAKEN: 'Another account has this username.',
  INVALID_CODE: 'The TOTP or recovery code is wrong, or was used before.',
  INVALID_CHALLENGE: 'The sign-in was used up, has expired, or failed too often.',
  INVALID_TOKEN: 'The token of a link is wrong, was used, or has expired.',
  INVALID_REFRESH_TOKEN: 'The refresh token is wrong, or its session has ended.',
  REFRESH_TOKEN_REUSED: 'An old refresh token was presented, and its session was ended for safety.',
  TOTP_ALREADY_ENABLED: 'TOTP is on already.',
  TOTP_NOT_ENABLED: 'TOTP is not on, or no enrolment waits for a code.',
  NOT_FOUND: 'There is no such thing, or it belongs to somebody else.',
  SELF_TARGETED: 'Administrators cannot do this to themselves.',
  LAST_ADMIN: 'The last active administrator would be lost.',
  EMAIL_NOT_VERIFIED: 'The e-mail address must be confirmed first.',
};

const ERROR_CODES = Object.keys(ERROR_MESSAGES) as ErrorCode[];

const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'What went wrong, for programs. Each code has an object type of the same name.',
  values: Object.fromEntries(
    ERROR_CODES.map((code) => [code, { description: DESCRIPTIONS[code] }]),
  ) as Record<ErrorCode, { description: string }>,
});

const ErrorInterface = builder.interfaceRef<Failure>('Error').implement({
  description: 'An expected failure.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'What went wrong, for programs.' }),
    message: t.exposeString('message', {
      description: 'What went wrong and what to do next, for people; in English.',
    }),
  }),
});

const FieldErrorObject = builder.objectRef<FieldError>('FieldError').implement({
  description: 'What is wrong with one field of an input.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'The field, such as `newPassword`.' }),
    message: t.exposeString('message', { description: 'What to do about it, for people.' }),
  }),
});

/** The type of `INVALID_INPUT` is `InvalidInput`, and so on. */
function typeNameOf(code: ErrorCode): string {
  return code
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

function failureObject(code: ErrorCode) {
  const ref = builder.objectRef<Failure>(typeNameOf(code));
  ref.implement({ description: DESCRIPTIONS[code], interfaces: [ErrorInterface] });
  return ref;
}

const failureObjects = new Map(ERROR_CODES.map((code) => [code, failureObject(code)]));

/** The object type of a failure. */
export function failure(code: ErrorCode) {
  return failureObjects.get(code) ?? failureObject(code);
}

builder.objectFields(failure('INVALID_INPUT'), (t) => ({
  fields: t.field({
    type: [FieldErrorObject],
    description: 'What is wrong with which field.',
    resolve: (error) => [...error.fields],
  }),
}));

builder.objectFields(failure('ACCOUNT_LOCKED'), (t) => ({
  retryAfter: t.exposeInt('retryAfter', { description: 'Seconds until the lock ends.' }),
}));
