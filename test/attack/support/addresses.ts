import { idBytes, newName, PASSWORD, registerUser, type TestUser } from '../../support/account.ts';
import type { TestApp } from '../../support/app.ts';
import { runSql } from '../../support/database.ts';

/** What there can be at an address: the address of one such account, or for each call another one. */
export type Addresses = Record<string, () => string>;

export const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) {
    __typename ... on VerificationSent { email } ... on Error { code message }
  }
}`;

/** An address of nobody, as long as those of the others. */
export const newAddress = () => `${newName()}@example.com`;

/**
 * Makes an account of every kind, and what else can be at an address.
 *
 * @param open where everybody may register
 * @param app over the same database, where the address is to be confirmed
 */
export async function makeAddresses(open: TestApp, app: TestApp): Promise<Addresses> {
  const users: Record<string, TestUser> = {};
  for (const kind of ['confirmed', 'unconfirmed', 'disabled', 'admin', 'invited', 'deleted']) {
    users[kind] = await registerUser(open);
  }
  const sql = async (kind: string, statement: string) => {
    await runSql(open.databaseUrl, `${statement} where id = ?`, [idBytes(users[kind]?.id ?? '')]);
  };
  await sql('confirmed', 'update users set email_verified_at = created_at');
  await sql('disabled', "update users set status = 'DISABLED'");
  await sql('admin', "update users set role = 'ADMIN', email_verified_at = created_at");
  await sql('invited', 'update users set password_hash = null');
  await sql('deleted', 'delete from users');
  const waiting = newAddress();
  await app.post({ query: REGISTER, variables: { input: { email: waiting, password: PASSWORD } } });
  const known = Object.entries(users).map(([kind, { email }]) => [kind, () => email] as const);
  return { ...Object.fromEntries(known), waiting: () => waiting, unknown: newAddress };
}
