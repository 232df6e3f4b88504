import { setTimeout as delay } from 'node:timers/promises';
import { mac } from '../../crypto/mac.ts';
import { type Db, whenCommitted } from '../../db/client.ts';
import { RequestError } from '../../errors.ts';
import {
  type AttemptLimit,
  reserveAttempt,
  settleFailure,
  settleSuccess,
  withdrawAttempt,
} from '../../records/attempt-counter.ts';
import { identifierKey } from '../../records/user.ts';
import type { Deps } from '../deps.ts';

/**
 * What can be guessed at, each with a counter of its own: passwords at sign-in, by identifier or by known device;
 * codes, by user, or by known device and by all known devices of a user together; the password of a signed-in user, by
 * user. With a `userId` the identifier is a username; `passwordSubject` makes it.
 */
export type AttemptSubject =
  | { kind: 'password'; identifier: string; userId?: string }
  | { kind: 'device'; deviceId: string; userId: string }
  | { kind: 'code'; userId: string }
  | { kind: 'device-code'; deviceId: string; userId: string }
  | { kind: 'devices-code'; userId: string }
  | { kind: 'reauthentication'; userId: string };

/**
 * An attempt in progress. Settle it in the transaction that records its outcome: if that transaction is not committed,
 * the attempt is taken back. A success that is not recorded is settled on its own.
 */
export interface Attempt {
  succeed(tx: Db): Promise<void>;
  /** @returns whether this failure locked the subject */
  fail(tx: Db): Promise<boolean>;
}

/**
 * The subject of a sign-in by e-mail address or username. By username, attempts count for the account that has the name: the
 * holder of a stolen access token could rename the account as often as they like, and get five more guesses each time.
 */
export function passwordSubject(identifier: string, user: { id: string } | null): AttemptSubject {
  const isUsername = !identifierKey(identifier).includes('@');
  return { kind: 'password', identifier, ...(isUsername && user ? { userId: user.id } : {}) };
}

const LONGEST_WAIT_MS = 3000;

// How many devices' worth of guesses at codes all known devices of a user have together. Without this bound, somebody
// who had the password for a while could make any number of devices known, and guess on each.
const DEVICES_THAT_GUESS = 5;

function limitOf({ config }: Deps, { kind }: AttemptSubject): AttemptLimit {
  const { limit, windowMs } = config.attempts;
  return { limit: kind === 'devices-code' ? limit * DEVICES_THAT_GUESS : limit, windowMs };
}

/**
 * Makes an attempt that counts: it is counted before `work` checks anything, and `work` settles it. If `work` throws
 * without settling it, nothing was guessed, and the attempt is taken back.
 *
 * @param locked makes the error for a locked subject, from the seconds that the lock still lasts
 */
export async function withAttempt<T>(
  deps: Deps,
  subject: AttemptSubject,
  locked: (retryAfter: number) => Error,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const key = counterKey(deps, subject);
  const limit = limitOf(deps, subject);
  const leave = await deps.attemptGate.enter(key.toString('base64'));
  try {
    await reserve(deps, subject, limit, locked);
    return await settling(deps, { key, limit, kind: subject.kind }, work);
  } finally {
    leave();
  }
}

/** Makes an attempt that counts for two subjects. */
export function withTwofoldAttempt<T>(
  deps: Deps,
  [one, other]: readonly [AttemptSubject, AttemptSubject],
  locked: (retryAfter: number) => Error,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  return withAttempt(deps, one, locked, (first) =>
    withAttempt(deps, other, locked, (second) =>
      work({
        async succeed(tx) {
          await first.succeed(tx);
          await second.succeed(tx);
        },
        async fail(tx) {
          const isLocked = await first.fail(tx);
          return (await second.fail(tx)) || isLocked;
        },
      }),
    ),
  );
}

async function settling<T>(
  deps: Deps,
  { key, limit, kind }: { key: Buffer; limit: AttemptLimit; kind: AttemptSubject['kind'] },
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  let settled = false;
  try {
    return await work({
      async succeed(tx) {
        await settleSuccess(tx, key);
        whenCommitted(tx, () => {
          settled = true;
        });
      },
      async fail(tx) {
        const isLocked = await settleFailure(tx, key, limit, deps.now());
        whenCommitted(tx, () => {
          settled = true;
          if (isLocked) deps.metrics?.locked(kind);
        });
        return isLocked;
      },
    });
  } catch (error) {
    // After it is settled, a pending attempt is somebody else's, so nothing is taken back. If taking it back fails too,
    // the attempt counts as abandoned.
    if (!settled) await withdrawAttempt(deps.db, key).catch(() => undefined);
    throw error;
  }
}

async function reserve(
  deps: Deps,
  subject: AttemptSubject,
  limit: AttemptLimit,
  locked: (retryAfter: number) => Error,
): Promise<void> {
  const key = counterKey(deps, subject);
  const owner = 'deviceId' in subject ? devicesKey(deps, subject.userId) : null;
  const started = performance.now();
  for (;;) {
    const now = deps.now();
    const reservation = await reserveAttempt(deps.db, key, limit, now, owner);
    if (reservation.kind === 'GRANTED') return;
    if (reservation.kind === 'LOCKED') {
      throw locked(Math.ceil((reservation.until.getTime() - now.getTime()) / 1000));
    }
    // other instances are checking as many attempts as may still fail; one of them decides soon
    if (performance.now() - started > LONGEST_WAIT_MS) {
      throw new RequestError('OVERLOADED', { retryAfter: 1 });
    }
    await delay(10 + Math.random() * 40);
  }
}

/** The key that a subject is counted under: a MAC, so that a leaked table does not reveal who was guessed at. */
export function counterKey(deps: Pick<Deps, 'keyring'>, subject: AttemptSubject): Buffer {
  return mac(deps.keyring.keys('counter'), subject.kind, ...subjectNames(subject));
}

/** The key by which the counters of all devices of a user are found. It is also that of their common counter. */
export function devicesKey(deps: Pick<Deps, 'keyring'>, userId: string): Buffer {
  return counterKey(deps, { kind: 'devices-code', userId });
}

function subjectNames(subject: AttemptSubject): string[] {
  if (subject.kind !== 'password') {
    return ['deviceId' in subject ? subject.deviceId : subject.userId];
  }
  const { identifier, userId } = subject;
  return userId === undefined ? [identifierKey(identifier)] : ['username', userId];
}
