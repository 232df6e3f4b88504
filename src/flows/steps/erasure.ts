import { stringify as stringifyUuid } from 'uuid';
import type { Client } from '../../client.ts';
import { mac } from '../../crypto/mac.ts';
import type { Db } from '../../db/client.ts';
import { clearAttempts } from '../../records/attempt-counter.ts';
import { pseudonymizeEvents, recordEvent } from '../../records/audit-event.ts';
import { deleteUser, type User } from '../../records/user.ts';
import type { Deps } from '../deps.ts';
import { type AttemptSubject, counterKey } from './attempt.ts';

/**
 * Deletes a user and everything stored about them. What is on record stays under a pseudonym.
 *
 * @param act how the deletion goes on record, and who did it
 * @param remove deletes the user's row, or refuses to
 * @returns whether there still was such a user
 */
export async function eraseUser(
  deps: Deps,
  tx: Db,
  user: User,
  act: {
    type: 'ACCOUNT_DELETED';
    actorId: string | null;
    sessionId?: string | null;
    client: Client;
  },
  remove: (tx: Db, id: string) => Promise<boolean> = deleteUser,
): Promise<boolean> {
  // sessions, codes, challenges and enrolments go with the row
  if (!(await remove(tx, user.id))) return false;
  await forgetAttempts(deps, tx, user);
  await recordEvent(tx, { ...act, userId: user.id, now: deps.now() });
  await pseudonymizeEvents(tx, user.id, pseudonym(deps, user.id));
  return true;
}

/** What is counted about a user, besides each of their devices. */
export function attemptSubjectsOf(user: User): AttemptSubject[] {
  const userId = user.id;
  return [...passwordSubjectsOf(user), { kind: 'code', userId }, { kind: 'devices-code', userId }];
}

function passwordSubjectsOf(user: User): AttemptSubject[] {
  return [
    { kind: 'password', identifier: user.email },
    ...(user.username === null ? [] : [{ kind: 'password', identifier: user.username } as const]),
    { kind: 'reauthentication', userId: user.id },
  ];
}

/** Lifts every lock on a user and forgets what was counted. @returns whether there was anything */
export async function forgetAttempts(deps: Deps, tx: Db, user: User): Promise<boolean> {
  return forget(deps, tx, attemptSubjectsOf(user));
}

/**
 * Lifts the locks that wrong passwords have set. Those of wrong codes stay: otherwise whoever reads somebody's mail would gain
 * guesses at the second factor by every link. Devices are made known anew with another password.
 */
export async function forgetPasswordAttempts(deps: Deps, tx: Db, user: User): Promise<boolean> {
  return forget(deps, tx, passwordSubjectsOf(user));
}

async function forget(deps: Deps, tx: Db, subjects: readonly AttemptSubject[]): Promise<boolean> {
  let found = false;
  for (const subject of subjects) {
    if (await clearAttempts(tx, counterKey(deps, subject))) found = true;
  }
  return found;
}

/** One and the same for a user, so that what happened to an account stays together; nobody without the key can compute it. */
function pseudonym(deps: Deps, userId: string): string {
  const digest = mac(deps.keyring.keys('pseudonym'), userId).subarray(0, 16);
  // the variant and version bits of a UUIDv8 (RFC 9562), which says that it means nothing
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return stringifyUuid(digest);
}
