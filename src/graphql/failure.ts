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
  ACCOUNT_LOCKED: 'Too many attempts failed. Further attempts are refused for some time.',
  ACCOUNT_DISABLED: 'An administrator has disabled the account.',
  EMAIL_TAKEN: 'Another account has this e-mail address.',
  USERNAME_TAKEN: 'Another account has this username.',
  INVALID_CODE: 'The TOTP or recovery code is wrong or has already been used.',
  INVALID_CHALLENGE:
    'The challenge of the sign-in has been used, has expired, or had too many failed attempts.',
  INVALID_TOKEN: 'The token of the link is wrong, has been used, or has expired.',
  INVALID_REFRESH_TOKEN: 'The refresh token is wrong, or its session has ended.',
  REFRESH_TOKEN_REUSED: 'An old refresh token was used again, so its session was ended for safety.',
  TOTP_ALREADY_ENABLED: 'TOTP is already on.',
  TOTP_NOT_ENABLED: 'TOTP is not on, or no enrolment is waiting for a code.',
  NOT_FOUND: 'There is nothing with this id, or it belongs to somebody else.',
  SELF_TARGETED: 'Administrators cannot do this to their own account.',
  LAST_ADMIN: 'This would leave no active administrator.',
  EMAIL_NOT_VERIFIED: 'The e-mail address must be confirmed first.',
};

const ERROR_CODES = Object.keys(ERROR_MESSAGES) as ErrorCode[];

const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description:
    'What went wrong, as a code for programs. Each code has an object type of the same name, such as InvalidInput for INVALID_INPUT.',
  values: Object.fromEntries(
    ERROR_CODES.map((code) => [code, { description: DESCRIPTIONS[code] }]),
  ) as Record<ErrorCode, { description: string }>,
});

const ErrorInterface = builder.interfaceRef<Failure>('Error').implement({
  description: 'An expected failure.',
  fields: (t) => ({
    code: t.expose('code', {
      type: ErrorCodeEnum,
      description: 'What went wrong, as a code for programs.',
    }),
    message: t.exposeString('message', {
      description: 'What went wrong and what to do next, in English, to show to people.',
    }),
  }),
});

const FieldErrorObject = builder.objectRef<FieldError>('FieldError').implement({
  description: 'What is wrong with one input field.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'The path of the field, such as `newPassword`.' }),
    message: t.exposeString('message', {
      description: 'How to correct the field, to show to people.',
    }),
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
    description: 'The fields that are not valid, and how to correct each.',
    resolve: (error) => [...error.fields],
  }),
}));

builder.objectFields(failure('ACCOUNT_LOCKED'), (t) => ({
  retryAfter: t.exposeInt('retryAfter', { description: 'The seconds until the lockout ends.' }),
}));
