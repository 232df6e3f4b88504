import type { Client } from '../client.ts';
import { newId } from '../crypto/id.ts';
import { transaction } from '../db/client.ts';
import { AuthError } from '../errors.ts';
import {
  assertNoProblems,
  checkNewPassword,
  type Problems,
  readEmail,
  readText,
  readUsername,
} from '../input.ts';
import { recordEvent } from '../records/audit-event.ts';
import { insertUser, type NewUser } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { mailFirstLink } from './steps/email-link.ts';
import { mayWriteTo } from './steps/mailing.ts';
import { keepRegistration } from './steps/pending-registration.ts';
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

/** The answer to a registration whose address must be confirmed first. */
export interface VerificationSent {
  sentTo: string;
}

/**
 * Registers an account and signs it in. With REGISTRATION=verify, the account is made only when the address is
 * confirmed, and nobody is signed in; with REGISTRATION=closed, nobody can register.
 *
 * @throws {AuthError} INVALID_INPUT, EMAIL_TAKEN (never with REGISTRATION=verify) or USERNAME_TAKEN
 * @throws {RequestError} OVERLOADED
 */
export async function register(
  deps: Deps,
  input: RegistrationInput,
  client: Client,
): Promise<SignedIn | VerificationSent> {
  if (deps.config.registration === 'closed') refuse();
  const names = readNames(deps, input);
  // outside the transaction: a connection must not be held while a hash is computed
  const passwordHash = await deps.passwords.hash(input.password);
  const mayWrite = await mayWriteTo(deps, names.email, 'registration');
  if (deps.config.registration === 'verify') {
    const registration = { ...names, password: input.password, passwordHash };
    await transaction(deps.db, (tx) =>
      keepRegistration(deps, tx, registration, { mayWrite, client }),
    );
    return { sentTo: names.email };
  }
  const now = deps.now();
  const id = newId(now);
  const newUser: NewUser = { id, ...names, passwordHash, role: 'USER', appMetadata: {}, now };
  const { user, session } = await transaction(deps.db, async (tx) => {
    const user = await insertUser(tx, newUser);
    const wish = { remembered: input.remember, cookies: input.cookies, amr: ['pwd'] };
    const session = await openSession(deps, tx, id, wish, client);
    await recordEvent(tx, { type: 'REGISTERED', userId: id, sessionId: session.id, client, now });
    if (mayWrite) await mailFirstLink(deps, tx, user, 'VERIFY_EMAIL');
    return { user, session };
  });
  const owner = { userId: id, passwordChangedAt: now };
  return issueTokens(deps, user, session, { id: null, owner });
}

function refuse(): never {
  const message =
    'Registration is closed. Ask an administrator for an invitation, and open the link in it.';
  throw new AuthError('INVALID_INPUT', { fields: [{ path: 'email', message }] });
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
