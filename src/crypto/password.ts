import { randomBytes } from 'node:crypto';
import {
  hash as argon2Hash,
  verify as argon2Verify,
  verifySync as argon2VerifySync,
} from '@node-rs/argon2';
import { compare as bcryptCompare } from 'bcrypt';
import type { HashPool } from './hash-pool.ts';
import { isAffordable, type PasswordCost, readHash, scryptVerify } from './password-hash.ts';

/** Hashes and verifies passwords. */
export interface PasswordHasher {
  /** A PHC string of argon2id at the current cost. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one that was hashed.
   *
   * @param hash a PHC string of argon2 or scrypt, or a bcrypt hash. With `null` (no such account, or one without a
   *   password) it computes as much as for a real hash, so that timing does not tell, and returns false.
   */
  verify(hash: string | null, password: string): Promise<boolean>;
  /** @throws {RequestError} OVERLOADED when there is no room for another hash at the moment */
  assertRoom(): void;
  /** Whether the hash was made under another cost or algorithm than the current one. */
  needsRehash(hash: string): boolean;
}

/**
 * A test vector of the reference implementation (test.c in https://github.com/P-H-C/phc-winner-argon2). The library
 * chooses its instructions by the processor. If it were wrong on one processor, it would make hashes that no other
 * machine verifies.
 */
const KNOWN_HASH =
  '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
const KNOWN_PASSWORD = 'password';

/**
 * @param cost for new hashes
 * @param pool where all hashing runs
 * @throws {Error} when argon2 computes a wrong result on this machine
 */
export function createPasswordHasher(cost: PasswordCost, pool: HashPool): PasswordHasher {
  if (!argon2VerifySync(KNOWN_HASH, KNOWN_PASSWORD)) {
    throw new Error('argon2 computes a wrong hash on this processor; run it elsewhere');
  }
  const options = {
    memoryCost: cost.memoryKib,
    timeCost: cost.passes,
    parallelism: cost.parallelism,
  };
  const hash = (password: string) =>
    pool.run(() => argon2Hash(normalizePassword(password), options));
  // made in advance: otherwise the first login to an unknown account would take twice as long
  const decoy = hash(randomBytes(32).toString('base64'));
  decoy.catch(() => undefined);

  return {
    hash,
    assertRoom: pool.assertRoom,
    async verify(stored, password) {
      const secret = normalizePassword(password);
      if (stored !== null && isComputable(stored)) {
        return pool.run(() => verifyStored(stored, secret));
      }
      // The same work at the current cost, so that timing does not reveal who has an account.
      const made = await decoy;
      await pool.run(() => argon2Verify(made, secret));
      return false;
    },
    needsRehash(stored) {
      const found = readHash(stored);
      return (
        found?.kind !== 'argon2' ||
        !found.isArgon2id ||
        found.cost.memoryKib !== cost.memoryKib ||
        found.cost.passes !== cost.passes ||
        found.cost.parallelism !== cost.parallelism
      );
    },
  };
}

/**
 * Unicode can spell one character in several ways, and keyboards differ in which they send. NFC makes them the same
 * (RFC 8265, OpaqueString). Nothing else of a password is changed.
 */
export function normalizePassword(password: string): string {
  return password.normalize('NFC');
}

function isComputable(stored: string): boolean {
  const hash = readHash(stored);
  return hash !== null && isAffordable(hash);
}

async function verifyStored(stored: string, secret: string): Promise<boolean> {
  const hash = readHash(stored);
  if (hash?.kind === 'scrypt') return scryptVerify(hash, secret);
  // $2y$ is what PHP calls $2b$; the library knows the latter name only
  if (hash?.kind === 'bcrypt') return bcryptCompare(secret, stored.replace(/^\$2y/, '$2b'));
  return argon2Verify(stored, secret);
}
