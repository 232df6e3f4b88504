import { newId } from '../crypto/id.ts';
import { transaction } from '../db/client.ts';
import type { Role } from '../db/enumerations.ts';
import {
  assertNoProblems,
  checkAppMetadata,
  checkNewPassword,
  type Problems,
  readEmail,
  readText,
  readUsername,
} from '../input.ts';
import type { Json } from '../json.ts';
import { insertUser, type User } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { type Administrator, recordAct } from './steps/administration.ts';
import { mailFirstLink } from './steps/email-link.ts';
import { assertStillAdministers } from './steps/standing.ts';

export interface NewUserInput {
  email: string;
  username: string | null;
  displayName: string | null;
  role: Role;
  /** `null` for an invited person, who will choose one. */
  password: string | null;
  appMetadata: Json;
}

/**
 * Creates an account for somebody. Without a password, it mails an invitation to choose one.
 *
 * @throws {AuthError} INVALID_INPUT, EMAIL_TAKEN or USERNAME_TAKEN
 * @throws {RequestError} OVERLOADED, or FORBIDDEN or UNAUTHENTICATED as `assertStillAdministers`
 */
export async function createUser(
  deps: Deps,
  admin: Administrator,
  input: NewUserInput,
): Promise<User> {
  const names = readNewUser(deps, input);
  const { password, role, appMetadata } = input;
  const passwordHash = password === null ? null : await deps.passwords.hash(password);
  const now = deps.now();
  const id = newId(now);
  // the operator, who may have no mail server yet, vouches for the address
  const emailVerifiedAt = admin.userId === null && password !== null ? now : null;
  const newUser = { id, ...names, emailVerifiedAt, passwordHash, role, appMetadata, now };
  return transaction(deps.db, async (tx) => {
    await assertStillAdministers(deps, tx, admin);
    const user = await insertUser(tx, newUser);
    await recordAct(deps, tx, admin, id, 'USER_CREATED', { role });
    if (password === null) {
      await mailFirstLink(deps, tx, user, 'INVITATION');
      await recordAct(deps, tx, admin, id, 'USER_INVITED', {});
    }
    return user;
  });
}

function readNewUser(deps: Deps, input: NewUserInput) {
  const problems: Problems = [];
  const email = readEmail('email', input.email, problems);
  const username = readUsername('username', input.username, problems);
  const displayName = readText('displayName', input.displayName, 100, problems);
  if (input.password !== null) {
    const { minLength } = deps.config.password;
    const rules = { minLength, isCommon: deps.isCommonPassword, names: [email, username] };
    checkNewPassword('password', input.password, rules, problems);
  }
  checkAppMetadata('appMetadata', input.appMetadata, problems);
  assertNoProblems(problems);
  return { email, username, displayName, phrase: deps.config.defaultPhrase };
}
