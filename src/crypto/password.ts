import { randomBytes } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify } from 'argon2';
import { compare as bcryptCompare } from 'bcrypt';
import type { HashPool } from './hash-pool.ts';

/** argon2id's cost (RFC 9106): memory in KiB, passes over it, lanes. */
export interface PasswordCost {
  memoryKib: number;
  passes: number;
  parallelism: number;
}

/** Hashes and verifies passwords. */
export interface PasswordHasher {
  /** A PHC string, argon2id under the current cost. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one that was hashed.
   *
   * @param hash a PHC string of argon2 or a bcrypt hash; with `null` (no such account, or none with a password) as much
   *   is computed as for a real one, and the answer is no
   */
  verify(hash: string | null, password: string): Promise<boolean>;
  /** @throws {RequestError} OVERLOADED when no more hashing can be taken on now */
  assertRoom(): void;
  /** Whether the hash was made under another cost or algorithm than the current one. */
  needsRehash(hash: string): boolean;
}

// m, t and p in any order is legal PHC; node-argon2 itself writes m,p,t in some releases
const PHC_PARAMETER = (name: string) => new RegExp(`[$,]${name}=(\\d+)`);
const PHC_FORM =
  /^\$argon2(?:id|i|d)\$v=19\$[mtp]=\d+,[mtp]=\d+,[mtp]=\d+\$[\w+/]{11,86}\$[\w+/]{22,172}$/;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./\w]{53}$/;

// A planted or imported hash must not choose what a login costs.
const MOST_MEMORY_KIB = 262_144;
const MOST_PASSES = 16;
const MOST_PARALLELISM = 16;
const MOST_BCRYPT_ROUNDS = 14;
const LEAST_MEMORY_KIB_PER_LANE = 8;

/**
 * @param cost for new hashes
 * @param pool where all hashing runs
 */
export function createPasswordHasher(cost: PasswordCost, pool: HashPool): PasswordHasher {
  const options = {
    memoryCost: cost.memoryKib,
    timeCost: cost.passes,
    parallelism: cost.parallelism,
  };
  const hash = (password: string) => pool.run(() => argon2Hash(normalize(password), options));
  // made at once, or the first stranger's answer would take twice as long
  const decoy = hash(randomBytes(32).toString('base64'));
  decoy.catch(() => undefined);

  return {
    hash,
    assertRoom: pool.assertRoom,
    async verify(stored, password) {
      const secret = normalize(password);
      if (stored !== null && BCRYPT.test(stored) && isAffordable(stored)) {
        // $2y$ is what PHP calls $2b$; the library knows the latter name only
        return pool.run(() => bcryptCompare(secret, stored.replace(/^\$2y/, '$2b')));
      }
      if (stored !== null && isAffordable(stored)) {
        return pool.run(() => argon2Verify(stored, secret));
      }
      // The same work under the current cost, so that the time does not tell who has an account.
      const made = await decoy;
      await pool.run(() => argon2Verify(made, secret));
      return false;
    },
    needsRehash(stored) {
      const found = argon2Cost(stored);
      return (
        found === null ||
        !stored.startsWith('$argon2id$') ||
        found.memoryKib !== cost.memoryKib ||
        found.passes !== cost.passes ||
        found.parallelism !== cost.parallelism
      );
    },
  };
}

/**
 * Unicode offers several spellings of one character; keyboards differ in which they send. NFC makes them one
 * (RFC 8265, OpaqueString); nothing else of a password is touched.
 */
function normalize(password: string): string {
  return password.normalize('NFC');
}

/** Whether a stored hash asks for no more than a login may cost, and no less than argon2 computes without a throw. */
export function isAffordable(hash: string): boolean {
  const rounds = BCRYPT.exec(hash)?.[1];
  if (rounds !== undefined) return Number(rounds) <= MOST_BCRYPT_ROUNDS;
  const cost = argon2Cost(hash);
  return (
    cost !== null &&
    cost.parallelism >= 1 &&
    cost.parallelism <= MOST_PARALLELISM &&
    cost.passes >= 1 &&
    cost.passes <= MOST_PASSES &&
    cost.memoryKib >= LEAST_MEMORY_KIB_PER_LANE * cost.parallelism &&
    cost.memoryKib <= MOST_MEMORY_KIB
  );
}

function argon2Cost(hash: string): PasswordCost | null {
  if (!PHC_FORM.test(hash)) return null;
  const read = (name: string) => Number(PHC_PARAMETER(name).exec(hash)?.[1] ?? Number.NaN);
  const cost = { memoryKib: read('m'), passes: read('t'), parallelism: read('p') };
  return Object.values(cost).every(Number.isFinite) ? cost : null;
}
