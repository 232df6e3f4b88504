import { stringify as stringifyUuid } from 'uuid';
import type { Client } from '../../client.ts';
import { mac } from '../../crypto/mac.ts';
import { type Db, transaction } from '../../db/client.ts';
import { clearAttempts, clearDeviceAttempts } from '../../records/attempt-counter.ts';
import { recordEvent } from '../../records/audit-event.ts';
import {
  findErasure,
  finishErasure,
  pseudonymizeEvents,
  putErasure,
} from '../../records/erasure.ts';
import { deleteUser, type User } from '../../records/user.ts';
import type { Deps } from '../deps.ts';
import { type AttemptSubject, counterKey, devicesKey } from './attempt.ts';

// so many that most accounts are done with in the transaction of their deletion, and it stays a short one
const AT_ONCE = 1000;

/** Who deletes an account: its owner, an administrator, or nobody with an account. */
export interface Deletion {
  actorId: string | null;
  client: Client;
}

/**
 * Deletes a user and everything stored about them. What is on record stays under a pseudonym. Of very much on record
 * housekeeping puts the rest under it; until then it is shown as if it had.
 *
 * @param remove deletes the user's row, or refuses to
 * @returns whether there still was such a user
 */
export async function eraseUser(
  deps: Deps,
  tx: Db,
  user: User,
  { actorId, client }: Deletion,
  remove: (tx: Db, id: string) => Promise<boolean> = deleteUser,
): Promise<boolean> {
  // sessions, codes, challenges and enrolments go with the row
  if (!(await remove(tx, user.id))) return false;
  await forgetAttempts(deps, tx, user);
  const erasure = { id: user.id, pseudonym: pseudonym(deps, user.id) };
  await recordEvent(tx, {
    type: 'ACCOUNT_DELETED',
    userId: erasure.pseudonym,
    actorId: actorId === user.id ? erasure.pseudonym : actorId,
    // as in all that is on record about the account
    client: { requestId: client.requestId, ipAddress: null, userAgent: null },
    now: deps.now(),
  });
  if ((await pseudonymizeEvents(tx, erasure, AT_ONCE)) === AT_ONCE) await putErasure(tx, erasure);
  return true;
}

/**
 * Goes on with the erasures that were too much for the transaction of their deletion.
 *
 * @param limit how many events to change at the most
 * @returns how many it changed: fewer than `limit` when none is left
 */
export function continueErasures({ db }: Pick<Deps, 'db'>, limit: number): Promise<number> {
  return transaction(db, async (tx) => {
    let changed = 0;
    while (changed < limit) {
      const erasure = await findErasure(tx);
      if (erasure === null) break;
      const room = limit - changed;
      const rows = await pseudonymizeEvents(tx, erasure, room);
      if (rows < room) await finishErasure(tx, erasure.id);
      changed += rows;
    }
    return changed;
  });
}

/** What is counted about a user, besides each of their devices. */
export function attemptSubjectsOf(user: User): AttemptSubject[] {
  const userId = user.id;
  return [
    ...signInSubjectsOf(user),
    { kind: 'reauthentication', userId },
    { kind: 'code', userId },
    { kind: 'devices-code', userId },
  ];
}

function signInSubjectsOf({ email, username }: User): AttemptSubject[] {
  const names = username === null ? [email] : [email, username];
  return names.map((identifier) => ({ kind: 'password', identifier }));
}

/** Lifts every lock on a user, those of their devices too, and forgets what was counted. */
export async function forgetAttempts(deps: Deps, tx: Db, user: User): Promise<void> {
  await forget(deps, tx, attemptSubjectsOf(user));
  await clearDeviceAttempts(tx, devicesKey(deps, user.id));
}

/** Lifts the locks that wrong passwords have set at sign-in by name: all that a stranger can do to somebody. */
export async function forgetSignInAttempts(deps: Deps, tx: Db, user: User): Promise<void> {
  await forget(deps, tx, signInSubjectsOf(user));
}

/**
 * Lifts the locks that wrong passwords have set. Those of wrong codes stay: otherwise whoever reads somebody's mail would gain
 * guesses at the second factor by every link. Devices are made known anew with another password.
 */
export async function forgetPasswordAttempts(deps: Deps, tx: Db, user: User): Promise<void> {
  const reauthentication = { kind: 'reauthentication', userId: user.id } as const;
  await forget(deps, tx, [...signInSubjectsOf(user), reauthentication]);
}

async function forget(deps: Deps, tx: Db, subjects: readonly AttemptSubject[]): Promise<void> {
  for (const subject of subjects) await clearAttempts(tx, counterKey(deps, subject));
}

/** One and the same for a user, so that what happened to an account stays together; nobody without the key can compute it. */
function pseudonym(deps: Deps, userId: string): string {
  const digest = mac(deps.keyring.keys('pseudonym'), userId).subarray(0, 16);
  // the variant and version bits of a UUIDv8 (RFC 9562), which says that it means nothing
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return stringifyUuid(digest);
}
