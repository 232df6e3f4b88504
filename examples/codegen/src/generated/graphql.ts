/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
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
    | { __typename: 'AccountLocked', retryAfter: number, code: ErrorCode, message: string }
    | { __typename: 'EmailNotVerified', code: ErrorCode, message: string }
    | { __typename: 'InvalidCode', code: ErrorCode, message: string }
    | { __typename: 'InvalidCredentials', code: ErrorCode, message: string }
    | { __typename: 'LoginSuccess', user: { email: string, displayName: string | null }, tokens: { accessToken: string, refreshToken: string } | null }
    | { __typename: 'MfaRequired', challenge: string, methods: Array<MfaMethod> }
   };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const LoginDocument = new TypedDocumentString(`
    mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess {
      user {
        email
        displayName
      }
      tokens {
        accessToken
        refreshToken
      }
    }
    ... on MfaRequired {
      challenge
      methods
    }
    ... on AccountLocked {
      retryAfter
    }
    ... on Error {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<LoginMutation, LoginMutationVariables>;