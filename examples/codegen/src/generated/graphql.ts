/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What went wrong, as a code for programs. Each code has an object type of the same name, such as InvalidInput for INVALID_INPUT. */
export type ErrorCode =
  /** An administrator has disabled the account. */
  | 'ACCOUNT_DISABLED'
  /** Too many attempts failed. Further attempts are refused for some time. */
  | 'ACCOUNT_LOCKED'
  /** The e-mail address must be confirmed first. */
  | 'EMAIL_NOT_VERIFIED'
  /** Another account has this e-mail address. */
  | 'EMAIL_TAKEN'
  /** The challenge of the sign-in has been used, has expired, or had too many failed attempts. */
  | 'INVALID_CHALLENGE'
  /** The TOTP or recovery code is wrong or has already been used. */
  | 'INVALID_CODE'
  /** The name or the password is wrong. */
  | 'INVALID_CREDENTIALS'
  /** Some of the input is not valid. */
  | 'INVALID_INPUT'
  /** The refresh token is wrong, or its session has ended. */
  | 'INVALID_REFRESH_TOKEN'
  /** The token of the link is wrong, has been used, or has expired. */
  | 'INVALID_TOKEN'
  /** This would leave no active administrator. */
  | 'LAST_ADMIN'
  /** There is nothing with this id, or it belongs to somebody else. */
  | 'NOT_FOUND'
  /** An old refresh token was used again, so its session was ended for safety. */
  | 'REFRESH_TOKEN_REUSED'
  /** Administrators cannot do this to their own account. */
  | 'SELF_TARGETED'
  /** TOTP is already on. */
  | 'TOTP_ALREADY_ENABLED'
  /** TOTP is not on, or no enrolment is waiting for a code. */
  | 'TOTP_NOT_ENABLED'
  /** Another account has this username. */
  | 'USERNAME_TAKEN';

/** The credentials and options of a sign-in. */
export type LoginInput = {
  /** A TOTP or recovery code, if you already know that one is needed. */
  code?: string | null | undefined;
  /** Whether to send the tokens as cookies, for browsers, instead of in the response. */
  cookies?: boolean | null | undefined;
  /** The `tokens.deviceToken` of an earlier sign-in on this device. */
  deviceToken?: string | null | undefined;
  /** The e-mail address or username. */
  identifier: string;
  /** The password. */
  password: string;
  /** Whether to keep the session longer: by default it ends after 30 days without use instead of one day. The operator can change both. */
  remember?: boolean | null | undefined;
};

/** The kinds of code that can complete a sign-in. */
export type MfaMethod =
  /** One of the recovery codes. Each can be used once. */
  | 'RECOVERY_CODE'
  /** The current code of an authenticator app. */
  | 'TOTP';

export type LoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type LoginMutation = { login:
    | { __typename: 'AccountDisabled', code: ErrorCode, message: string }
    | { __typename: 'AccountLocked', code: ErrorCode, message: string }
    | { __typename: 'EmailNotVerified', code: ErrorCode, message: string }
    | { __typename: 'InvalidCode', code: ErrorCode, message: string }
    | { __typename: 'InvalidCredentials', code: ErrorCode, message: string }
    | { __typename: 'LoginSuccess', user: { email: string, displayName: string | null }, tokens: { accessToken: string, refreshToken: string } | null }
    | { __typename: 'MfaRequired', challenge: string, methods: Array<MfaMethod> }
   };


export const LoginDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Login"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"LoginInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"login"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LoginSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"displayName"}}]}},{"kind":"Field","name":{"kind":"Name","value":"tokens"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"}},{"kind":"Field","name":{"kind":"Name","value":"refreshToken"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"MfaRequired"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"challenge"}},{"kind":"Field","name":{"kind":"Name","value":"methods"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<LoginMutation, LoginMutationVariables>;