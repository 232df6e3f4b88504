import { validate as isUuid } from 'uuid';
import type { Deps } from '../flows/deps.ts';
import { isPossibleIdentifier } from '../input.ts';
import { findAccountByIdentifier } from '../records/account.ts';
import { findUser, type User } from '../records/user.ts';
import { RefusedError } from './command.ts';

/** The actor in audit events caused at the command line: no account. */
export const OPERATOR = {
  userId: null,
  client: { ipAddress: null, userAgent: 'command line', requestId: null },
};

/**
 * Finds the user the operator means.
 *
 * @param who an id, an e-mail address or a username
 * @throws {RefusedError} when there is nobody
 */
export async function userMeant({ db }: Pick<Deps, 'db'>, who: string): Promise<User> {
  const user = isUuid(who) ? await findUser(db, who.toLowerCase()) : await byName(db, who);
  if (user === null) throw new RefusedError(`Nobody has the address, username or id "${who}".`);
  return user;
}

async function byName(db: Deps['db'], who: string): Promise<User | null> {
  if (!isPossibleIdentifier(who)) return null;
  return (await findAccountByIdentifier(db, who))?.user ?? null;
}
