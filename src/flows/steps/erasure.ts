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
import { type AttemptSubject, counterKey, devicesKey, passwordSubject } from './attempt.ts';

// enough to be done with most accounts in the transaction of their deletion, and few enough to keep it short
const AT_ONCE = 1000;

/** Who deletes an account: its owner, an administrator, or nobody with an account. */
export interface Deletion {
  actorId: string | null;
  client: Client;
}

/**
 * Deletes a user and everything stored about them. Their audit events stay, under a pseudonym. If there are very many,
 * housekeeping changes the rest later; until then, they are shown as if it had.
 *
 * @param remove deletes the user's row, or refuses to
 * @returns whether the user still existed
 */
export async function eraseUser(
  deps: Deps,
  tx: Db,
  user: User,
  { actorId, client }: Deletion,
  remove: (tx: Db, id: string) => Promise<boolean> = deleteUser,
): Promise<boolean> {
  // sessions, codes, challenges and enrolments are deleted with the row
  if (!(await remove(tx, user.id))) return false;
  await forgetAttempts(deps, tx, user);
  const erasure = { id: user.id, pseudonym: pseudonym(deps, user.id) };
  await recordEvent(tx, {
    type: 'ACCOUNT_DELETED',
    userId: erasure.pseudonym,
    actorId: actorId === user.id ? erasure.pseudonym : actorId,
    // no address and no device, as in all other events of the account
    client: { requestId: client.requestId, ipAddress: null, userAgent: null },
    now: deps.now(),
  });
  if ((await pseudonymizeEvents(tx, erasure, AT_ONCE)) === AT_ONCE) await putErasure(tx, erasure);
  return true;
}

/**
 * Continues erasures that were too large for the transaction of their deletion.
 *
 * @param limit the maximum number of events to change
 * @returns how many it changed: fewer than `limit` when none are left
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

/** What is counted about a user, apart from each of their devices. */
export function attemptSubjectsOf(user: User): AttemptSubject[] {
  const userId = user.id;
  return [
    ...signInSubjectsOf(user),
    { kind: 'reauthentication', userId },
    { kind: 'code', userId },
    { kind: 'devices-code', userId },
  ];
}

function signInSubjectsOf(user: User): AttemptSubject[] {
  const { email, username } = user;
  const names = username === null ? [email] : [email, username];
  return names.map((identifier) => passwordSubject(identifier, user));
}

/** Lifts every lock on a user, including those of their devices, and forgets all failures. */
export async function forgetAttempts(deps: Deps, tx: Db, user: User): Promise<void> {
  await forget(deps, tx, attemptSubjectsOf(user));
  await clearDeviceAttempts(tx, devicesKey(deps, user.id));
}

/**
 * Lifts the locks that wrong passwords at sign-in have set on a user's names: the only ones that a stranger can cause.
 */
export async function forgetSignInAttempts(deps: Deps, tx: Db, user: User): Promise<void> {
  await forget(deps, tx, signInSubjectsOf(user));
}

/**
 * Lifts the locks that wrong passwords have set. Those of wrong codes stay: otherwise, somebody who reads the user's
 * mail would gain guesses at the second factor with every link. Devices need no unlocking, because another password
 * makes them all unknown.
 */
export async function forgetPasswordAttempts(deps: Deps, tx: Db, user: User): Promise<void> {
  const reauthentication = { kind: 'reauthentication', userId: user.id } as const;
  await forget(deps, tx, [...signInSubjectsOf(user), reauthentication]);
}

async function forget(deps: Deps, tx: Db, subjects: readonly AttemptSubject[]): Promise<void> {
  for (const subject of subjects) await clearAttempts(tx, counterKey(deps, subject));
}

/** The pseudonym of a user: always the same, so that their events stay together, and not computable without the key. */
function pseudonym(deps: Deps, userId: string): string {
  const digest = mac(deps.keyring.keys('pseudonym'), userId).subarray(0, 16);
  // the version and variant bits of a UUIDv8 (RFC 9562), whose other bits may be anything
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return stringifyUuid(digest);
}
