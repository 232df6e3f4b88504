import { scrypt, timingSafeEqual } from 'node:crypto';

/** argon2id's cost (RFC 9106): memory in KiB, passes over it, lanes. */
export interface PasswordCost {
  memoryKib: number;
  passes: number;
  parallelism: number;
}

/** scrypt's cost (RFC 7914), and the salt and key to compare with. */
export interface ScryptHash {
  kind: 'scrypt';
  /** The logarithm of N to the base 2. */
  logN: number;
  blockSize: number;
  parallelism: number;
  salt: Buffer;
  key: Buffer;
}

/** How a stored hash was made. */
export type StoredHash =
  | { kind: 'argon2'; isArgon2id: boolean; cost: PasswordCost }
  | { kind: 'bcrypt'; rounds: number }
  | ScryptHash;

// m, t and p in any order is legal PHC; node-argon2 itself writes m,p,t in some releases
const ARGON2 =
  /^\$argon2(id|i|d)\$v=19\$([mtp]=\d+,[mtp]=\d+,[mtp]=\d+)\$[\w+/]{11,86}\$[\w+/]{22,172}$/;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./\w]{53}$/;
const SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z\d+/]{11,86})\$([A-Za-z\d+/]{22,86})$/;

// A planted or imported hash must not choose what a login costs.
const MOST_MEMORY_KIB = 262_144;
const MOST_PASSES = 16;
const MOST_PARALLELISM = 16;
const LEAST_BCRYPT_ROUNDS = 4;
const MOST_BCRYPT_ROUNDS = 14;
// scrypt goes over its memory once for each p
const MOST_SCRYPT_KIB = 4 * MOST_MEMORY_KIB;
const LEAST_MEMORY_KIB_PER_LANE = 8;
// the length of the column
const MOST_CHARACTERS = 255;

/** Reads a PHC string of argon2 or scrypt, or a bcrypt hash. @returns `null` for anything else */
export function readHash(text: string): StoredHash | null {
  const rounds = BCRYPT.exec(text)?.[1];
  if (rounds !== undefined) return { kind: 'bcrypt', rounds: Number(rounds) };
  return readArgon2(text) ?? readScrypt(text);
}

function readArgon2(text: string): StoredHash | null {
  const [, type, parameters] = ARGON2.exec(text) ?? [];
  if (parameters === undefined) return null;
  const { m, t, p } = Object.fromEntries(
    parameters.split(',').map((parameter) => parameter.split('=')),
  );
  if (m === undefined || t === undefined || p === undefined) return null;
  const cost = { memoryKib: Number(m), passes: Number(t), parallelism: Number(p) };
  return { kind: 'argon2', isArgon2id: type === 'id', cost };
}

function readScrypt(text: string): StoredHash | null {
  const [, logN, blockSize, parallelism, salt, key] = SCRYPT.exec(text) ?? [];
  if (salt === undefined || key === undefined) return null;
  return {
    kind: 'scrypt',
    logN: Number(logN),
    blockSize: Number(blockSize),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  };
}

/** Whether a hash costs no more than a login may, and no less than its algorithm accepts without throwing. */
export function isAffordable(hash: StoredHash): boolean {
  switch (hash.kind) {
    case 'bcrypt':
      return hash.rounds >= LEAST_BCRYPT_ROUNDS && hash.rounds <= MOST_BCRYPT_ROUNDS;
    case 'argon2':
      return isAffordableArgon2(hash.cost);
    case 'scrypt':
      return isAffordableScrypt(hash);
  }
}

function isAffordableArgon2({ memoryKib, passes, parallelism }: PasswordCost): boolean {
  return (
    parallelism >= 1 &&
    parallelism <= MOST_PARALLELISM &&
    passes >= 1 &&
    passes <= MOST_PASSES &&
    memoryKib >= LEAST_MEMORY_KIB_PER_LANE * parallelism &&
    memoryKib <= MOST_MEMORY_KIB
  );
}

function isAffordableScrypt({ logN, blockSize, parallelism }: ScryptHash): boolean {
  const memoryKib = scryptBytes({ logN, blockSize }) / 1024;
  return (
    logN >= 1 &&
    // RFC 7914: N is less than 2 to the power of 16 r
    logN < 16 * blockSize &&
    parallelism >= 1 &&
    memoryKib <= MOST_MEMORY_KIB &&
    memoryKib * parallelism <= MOST_SCRYPT_KIB
  );
}

function scryptBytes({ logN, blockSize }: Pick<ScryptHash, 'logN' | 'blockSize'>): number {
  return 128 * blockSize * 2 ** logN;
}

/**
 * Computes scrypt over a password and compares the result in constant time. It runs in libuv's threads, as argon2 does.
 */
export function scryptVerify(hash: ScryptHash, password: string): Promise<boolean> {
  const { logN, blockSize, parallelism, salt, key } = hash;
  const options = {
    N: 2 ** logN,
    r: blockSize,
    p: parallelism,
    // the memory that the parameters call for, and the lanes' own blocks
    maxmem: scryptBytes(hash) + 256 * blockSize * (parallelism + 2),
  };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, options, (error, derived) => {
      if (error) reject(error);
      else resolve(timingSafeEqual(derived, key));
    });
  });
}

/**
 * Why a hash from elsewhere cannot be imported, in words that contain nothing of it.
 *
 * @returns `null` when it can be imported
 */
export function importProblem(text: string): string | null {
  const hash = text.length > MOST_CHARACTERS ? null : readHash(text);
  if (hash === null) {
    return 'is no hash of a known form: $2a$, $2b$ or $2y$ (bcrypt); $argon2id$, $argon2i$ or $argon2d$, with v=19; or $scrypt$ with ln, r and p';
  }
  if (isAffordable(hash)) return null;
  switch (hash.kind) {
    case 'bcrypt':
      return `has a cost outside ${LEAST_BCRYPT_ROUNDS} to ${MOST_BCRYPT_ROUNDS}`;
    case 'argon2':
      return `asks for more than m=${MOST_MEMORY_KIB}, t=${MOST_PASSES}, p=${MOST_PARALLELISM}, or for less than argon2 computes`;
    case 'scrypt':
      return `asks for more than ${MOST_MEMORY_KIB / 1024} MiB (128 x N x r), or ${MOST_SCRYPT_KIB / 1024} MiB times p, or for less than scrypt computes`;
  }
}
