import type { Client } from '../client.ts';
import { newId } from '../crypto/id.ts';
import { transaction } from '../db/client.ts';
import {
  assertNoProblems,
  checkNewPassword,
  type Problems,
  readEmail,
  readText,
  readUsername,
} from '../input.ts';
import { recordEvent } from '../records/audit-event.ts';
import { findUser, insertUser, type NewUser } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { issueTokens, openSession, type SignedIn } from './steps/session-opening.ts';

export interface RegistrationInput {
  email: string;
  password: string;
  username: string | null;
  displayName: string | null;
  phrase: string | null;
  remember: boolean;
  cookies: boolean;
}

/**
 * Registers an account and signs it in.
 *
 * @throws {AuthError} INVALID_INPUT, EMAIL_TAKEN or USERNAME_TAKEN
 * @throws {RequestError} OVERLOADED
 */
export async function register(
  deps: Deps,
  input: RegistrationInput,
  client: Client,
): Promise<SignedIn> {
  const names = readNames(deps, input);
  // outside the transaction: a connection must not be held while a hash is computed
  const passwordHash = await deps.passwords.hash(input.password);
  const now = deps.now();
  const id = newId(now);
  const newUser: NewUser = { id, ...names, passwordHash, role: 'USER', appMetadata: {}, now };
  const signedIn = await transaction(deps.db, async (tx) => {
    await insertUser(tx, newUser);
    const wish = { remembered: input.remember, cookies: input.cookies, amr: ['pwd'] };
    const session = await openSession(deps, tx, id, wish, client);
    await recordEvent(tx, { type: 'REGISTERED', userId: id, sessionId: session.id, client, now });
    const user = await findUser(tx, id);
    return user === null ? null : { user, session };
  });
  if (signedIn === null) throw new Error('A registered user was not there to be read.');
  return issueTokens(deps, signedIn.user, signedIn.session, newId(now));
}

function readNames(deps: Deps, input: RegistrationInput) {
  const problems: Problems = [];
  const email = readEmail('email', input.email, problems);
  const username = readUsername('username', input.username, problems);
  const displayName = readText('displayName', input.displayName, 100, problems);
  const phrase = readText('phrase', input.phrase, 200, problems) ?? deps.config.defaultPhrase;
  const rules = {
    minLength: deps.config.password.minLength,
    isCommon: deps.isCommonPassword,
    names: [email, username],
  };
  checkNewPassword('password', input.password, rules, problems);
  assertNoProblems(problems);
  return { email, username, displayName, phrase };
}
