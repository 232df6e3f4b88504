import { FAILURE, INPUT_FAILURE, isSignedIn, logIn, type TestUser } from '../../support/account.ts';
import type { TestApp } from '../../support/app.ts';

const USER = 'user { id email username displayName phrase role status appMetadata totpEnabled }';
export const MUTATIONS = {
  createUser: `mutation ($input: CreateUserInput!) {
    result: createUser(input: $input) { __typename ... on CreateUserSuccess { ${USER} } ${INPUT_FAILURE} }
  }`,
  updateUser: `mutation ($input: UpdateUserInput!) {
    result: updateUser(input: $input) { __typename ... on UpdateUserSuccess { ${USER} } ${INPUT_FAILURE} }
  }`,
  deleteUser: `mutation ($id: ID!) {
    result: deleteUser(id: $id) { __typename ... on DeleteUserSuccess { id } ${FAILURE} }
  }`,
  unlockUser: `mutation ($id: ID!) {
    result: unlockUser(id: $id) { __typename ... on UnlockUserSuccess { ${USER} } ${FAILURE} }
  }`,
  revokeUserSessions: `mutation ($id: ID!) {
    result: revokeUserSessions(id: $id) {
      __typename ... on RevokeUserSessionsSuccess { endedSessions } ${FAILURE}
    }
  }`,
  resetUserTotp: `mutation ($id: ID!) {
    result: resetUserTotp(id: $id) { __typename ... on ResetUserTotpSuccess { ${USER} } ${FAILURE} }
  }`,
};
type AdminMutation = keyof typeof MUTATIONS;

/** The mutations that take nothing but an id. */
export const ID_ONLY = ['deleteUser', 'unlockUser', 'revokeUserSessions', 'resetUserTotp'] as const;

/** The variables of a mutation that is aimed at a user. */
export const aimedAt = (mutation: AdminMutation, id: unknown) =>
  mutation === 'updateUser' ? { input: { id, status: 'DISABLED' } } : { id };

export type Administration = ReturnType<typeof administrationBy>;

/** What an administrator does, signed in again whenever the clock asks for it. */
export function administrationBy(app: TestApp, admin: TestUser) {
  let { accessToken } = admin;
  async function adminToken(): Promise<string> {
    if (!(await isSignedIn(app, accessToken))) {
      accessToken = (await logIn(app, { identifier: admin.email })).tokens.accessToken;
    }
    return accessToken;
  }
  /** @param as somebody else, with the session they have */
  async function administer(
    mutation: AdminMutation,
    variables: object,
    as?: { accessToken: string },
  ) {
    const token = as?.accessToken ?? (await adminToken());
    const answer = await app.gql(MUTATIONS[mutation], { ...variables }, { token });
    return answer.data?.result ?? answer;
  }
  return { adminToken, administer };
}
