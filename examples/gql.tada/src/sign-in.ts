import type { ResultOf } from 'gql.tada';
import { print } from 'graphql';
import { graphql } from './graphql.ts';

export const Login = graphql(`
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
      ... on Error {
        code
        message
      }
    }
  }
`);

/** The message to show after a sign-in. The switch does not compile if a possible result is missing. */
export function describe({ login }: ResultOf<typeof Login>): string {
  switch (login.__typename) {
    case 'LoginSuccess':
      return `Welcome, ${login.user.displayName ?? login.user.email}`;
    case 'MfaRequired':
      return `Enter a code: ${login.methods.join(' or ')}`;
    case 'AccountLocked':
      return login.message;
    case 'InvalidCredentials':
      return login.message;
    case 'InvalidCode':
      return login.message;
    case 'AccountDisabled':
      return login.message;
    case 'EmailNotVerified':
      return login.message;
    default:
      return login satisfies never;
  }
}

/** Signs in at a service such as `http://localhost:4000/graphql`. @returns the message to show */
export async function signIn(url: string, identifier: string, password: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: print(Login), variables: { input: { identifier, password } } }),
  });
  const { data } = (await response.json()) as { data: ResultOf<typeof Login> };
  return describe(data);
}
