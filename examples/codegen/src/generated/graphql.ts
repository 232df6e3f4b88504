/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What went wrong, for programs. Each code has an object type of the same name. */
export type ErrorCode =
  /** An administrator has disabled the account. */
  | 'ACCOUNT_DISABLED'
  /** Too many attempts have failed; further ones are refused for a time. */
  | 'ACCOUNT_LOCKED'
  /** The e-mail address must be confirmed first. */
  | 'EMAIL_NOT_VERIFIED'
  /** Another account has this e-mail address. */
  | 'EMAIL_TAKEN'
  /** The sign-in was used up, has expired, or failed too often. */
  | 'INVALID_CHALLENGE'
  /** The TOTP or recovery code is wrong, or was used before. */
  | 'INVALID_CODE'
  /** The name or the password is wrong. */
  | 'INVALID_CREDENTIALS'
  /** Some of the input is not valid. */
  | 'INVALID_INPUT'
  /** The refresh token is wrong, or its session has ended. */
  | 'INVALID_REFRESH_TOKEN'
  /** The token of a link is wrong, was used, or has expired. */
  | 'INVALID_TOKEN'
  /** The last active administrator would be lost. */
  | 'LAST_ADMIN'
  /** There is no such thing, or it belongs to somebody else. */
  | 'NOT_FOUND'
  /** An old refresh token was presented, and its session was ended for safety. */
  | 'REFRESH_TOKEN_REUSED'
  /** Administrators cannot do this to themselves. */
  | 'SELF_TARGETED'
  /** TOTP is on already. */
  | 'TOTP_ALREADY_ENABLED'
  /** TOTP is not on, or no enrolment waits for a code. */
  | 'TOTP_NOT_ENABLED'
  /** Another account has this username. */
  | 'USERNAME_TAKEN';

/** A sign-in. */
export type LoginInput = {
  /** A TOTP or recovery code, when it is known already that one is needed. */
  code?: string | null | undefined;
  /** Whether the tokens come as cookies, for browsers, and not in the answer. */
  cookies?: boolean | null | undefined;
  /** What an earlier sign-in on this device was given as `tokens.deviceToken`. */
  deviceToken?: string | null | undefined;
  /** The e-mail address or username. */
  identifier: string;
  /** The password. */
  password: string;
  /** Whether the session lives longer: 30 days unused instead of one, unless the operator says otherwise. */
  remember?: boolean | null | undefined;
};

/** How a sign-in may be completed. */
export type MfaMethod =
  /** By one of the recovery codes; each is good once. */
  | 'RECOVERY_CODE'
  /** By the current code of an authenticator app. */
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