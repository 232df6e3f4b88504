import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import type { Client } from '../client.ts';
import type { Config } from '../config.ts';
import type { AccessTokenKey, AccessTokenKeys } from '../crypto/access-token.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { createSigningKeyPair, openSigningKeyPair } from '../crypto/signing-key.ts';
import { type Db, transaction } from '../db/client.ts';
import type { Json } from '../json.ts';
import { recordEvent } from '../records/audit-event.ts';
import {
  insertSigningKey,
  lastSigningKeySequence,
  listSigningKeys,
  retireSigningKey,
  type SigningKey,
} from '../records/signing-key.ts';

/** The keys of access tokens, as one instance holds them in memory. */
export interface SigningKeys extends AccessTokenKeys {
  /** The public keys, for /.well-known/jwks.json. While the database is unreachable, those in memory, for a while. */
  publicKeys(): Promise<JWK[]>;
  /** Reads the keys from the database again, and makes the next one when it is time. */
  refresh(): Promise<void>;
  /** For how long the key that signs now has been signing, in milliseconds; `null` with a shared secret. */
  signingForMs(): number | null;
}

/** The part of the flows' deps that is needed here. */
interface Options {
  db: Db;
  config: Config;
  keyring: Keyring;
  now: () => Date;
}

interface OpenKey {
  stored: SigningKey;
  publicKey: KeyObject;
  privateKey: KeyObject;
}

const OPERATOR: Client = { ipAddress: null, userAgent: null, requestId: null };
// how long a verifier may use the keys it has fetched, and an instance those it has read
export const KEY_SET_MAX_AGE_SECONDS = 300;
const RELOAD_AT_MOST_EVERY_MS = 1000;
// how old keys may get before they are read again: a retired key is out of use everywhere after this time
const REUSE_MS = 30_000;
const SOON_MS = 60_000;

/**
 * Holds the keys that sign and verify access tokens.
 *
 * A key is published well before it signs, so that every instance and every verifier knows it by then. It is kept until
 * the last token it signed has expired. All instances pick the signing key by the same rule from the same rows.
 */
export function createSigningKeys(options: Options): SigningKeys {
  const { config } = options;
  if (config.tokens.algorithm === 'HS256')
    return sharedSecretKeys(config.tokens.sharedSecret ?? '');
  let open: OpenKey[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let hasFailed = false;

  const read = async () => {
    await makeNextKey(options);
    const rows = (await listSigningKeys(options.db)).filter((_row, index, all) =>
      isOfUse(all[index + 1], options),
    );
    open = rows.map((row) => reuse(open, row, options));
    readAt = performance.now();
    hasFailed = false;
  };
  // callers that come while the keys are being read share that read
  const refresh = () => {
    reading ??= read()
      .catch((error: unknown) => {
        hasFailed = true;
        throw error;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  const isOlderThan = (ms: number) => performance.now() - readAt > ms;
  const isOutdated = () => isOlderThan(KEY_SET_MAX_AGE_SECONDS * 1000);
  /** Reads the keys again when it is time. If that fails, those in memory stay in use until they are outdated. */
  const renew = async () => {
    if (!isOlderThan(REUSE_MS)) return;
    const renewed = refresh();
    if (isOutdated()) return renewed;
    const tried = renewed.catch(() => undefined);
    // after a failure, the retry goes on in the background and no caller waits for it
    if (!hasFailed) await tried;
  };

  const signingKey = () => open.findLast((key) => key.stored.signsFrom <= options.now()) ?? open[0];

  return {
    refresh,
    signingForMs() {
      const since = signingKey()?.stored.signsFrom;
      return since === undefined ? null : options.now().getTime() - since.getTime();
    },
    async signing() {
      await renew();
      const signing = signingKey();
      if (signing === undefined) throw new Error('There is no key to sign access tokens with.');
      return { kid: signing.stored.id, algorithm: 'EdDSA', key: signing.privateKey };
    },
    async verifying(kid) {
      const known = findKey(open, kid);
      if (known !== null && !isOutdated()) return known;
      // another instance may have made this key, but made-up kids must not cause a query each
      if (isOlderThan(RELOAD_AT_MOST_EVERY_MS)) await refresh();
      return findKey(open, kid);
    },
    holds: (kid) => !isOutdated() && findKey(open, kid) !== null,
    async publicKeys() {
      await renew();
      return open.map(({ stored }) => ({
        ...(stored.publicJwk as JWK),
        kid: stored.id,
        alg: 'EdDSA',
        use: 'sig',
      }));
    },
  };
}

function findKey(open: readonly OpenKey[], kid: string): AccessTokenKey | null {
  const found = open.find((key) => key.stored.id === kid);
  return found === undefined ? null : { kid, algorithm: 'EdDSA', key: found.publicKey };
}

function reuse(open: readonly OpenKey[], row: SigningKey, options: Options): OpenKey {
  const known = open.find((key) => key.stored.id === row.id);
  if (known !== undefined) return { ...known, stored: row };
  const keys = options.keyring.keys('signing-key');
  const pair = openSigningKeyPair(keys, { ...row, publicJwk: row.publicJwk as JWK });
  return { stored: row, ...pair };
}

/**
 * Whether valid tokens of a key may still exist: for a token's lifetime after its successor began to sign, and a little
 * more.
 *
 * @param next the successor
 */
function isOfUse(next: SigningKey | undefined, { config, now }: Options): boolean {
  if (next === undefined) return true;
  const lastTokenEnds = next.signsFrom.getTime() + config.tokens.accessTtlMs;
  return now().getTime() <= lastTokenEnds + KEY_SET_MAX_AGE_SECONDS * 1000;
}

/** Makes the first key, or the next one when the newest is close enough to its end. */
async function makeNextKey(options: Options): Promise<void> {
  const { db, config, now } = options;
  // Read before the keys. If another instance adds a key in between, it takes the number that ours would have, and ours
  // is not added.
  const sequence = (await lastSigningKeySequence(db)) + 1;
  const newest = (await listSigningKeys(db)).at(-1);
  if (newest === undefined) {
    await addKey(options, sequence, now());
    return;
  }
  const { rotationMs, leadMs } = config.signingKeys;
  const turn = newest.signsFrom.getTime() + rotationMs;
  if (now().getTime() < turn - leadMs) return;
  // even when it is late, as after a long stop, a key is published before it signs
  await addKey(options, sequence, new Date(Math.max(turn, now().getTime() + leadMs)));
}

/** A key as the operator sees it. */
export interface KeyReport {
  kid: string;
  /** `next`: published, but does not sign yet. `previous`: signs no more, but its tokens may still be valid. */
  state: 'next' | 'signing' | 'previous';
  signsFrom: string;
}

/** The keys that are not retired, the oldest first. */
export async function listKeys({ db, now }: Pick<Options, 'db' | 'now'>): Promise<KeyReport[]> {
  const rows = await listSigningKeys(db);
  const signing = rows.findLast((row) => row.signsFrom <= now());
  return rows.map((row) => ({
    kid: row.id,
    state: row.id === signing?.id ? 'signing' : row.signsFrom > now() ? 'next' : 'previous',
    signsFrom: row.signsFrom.toISOString(),
  }));
}

/**
 * Publishes another key.
 *
 * @param soon whether it signs in a minute, rather than after the usual time
 */
export async function rotateKeys(options: Options, soon: boolean): Promise<KeyReport> {
  const { db, config, now } = options;
  const lead = soon ? SOON_MS : config.signingKeys.leadMs;
  const signsFrom = new Date(now().getTime() + lead);
  for (;;) {
    const sequence = (await lastSigningKeySequence(db)) + 1;
    const kid = await addKey(options, sequence, signsFrom);
    // null: an instance has just added a key with this number, which is not the one that the operator asked for
    if (kid !== null) return { kid, state: 'next', signsFrom: signsFrom.toISOString() };
  }
}

/**
 * Takes a key out of use: its tokens are refused from then on.
 *
 * @returns `needed` when no other key could sign
 */
export async function retireKey(
  { db, now }: Pick<Options, 'db' | 'now'>,
  kid: string,
): Promise<'retired' | 'needed' | 'unknown'> {
  return transaction(db, async (tx) => {
    const rows = await listSigningKeys(tx, 'lock');
    if (!rows.some((row) => row.id === kid)) return 'unknown';
    if (!rows.some((row) => row.id !== kid && row.signsFrom <= now())) return 'needed';
    if (!(await retireSigningKey(tx, kid, now()))) return 'unknown';
    const detail = { kid };
    await recordEvent(tx, { type: 'SIGNING_KEY_RETIRED', client: OPERATOR, now: now(), detail });
    return 'retired';
  });
}

/**
 * Adds a key that signs from `signsFrom` on.
 *
 * @returns its id; `null` when another instance has taken the number
 */
async function addKey(
  { db, keyring, now }: Options,
  sequence: number,
  signsFrom: Date,
): Promise<string | null> {
  const { id, publicJwk, privateJwk } = await createSigningKeyPair(keyring.keys('signing-key'));
  const key: SigningKey = {
    id,
    sequence,
    algorithm: 'EdDSA',
    publicJwk: publicJwk as Json,
    privateJwk,
    createdAt: now(),
    signsFrom,
    retiredAt: null,
  };
  return transaction(db, async (tx) => {
    if (!(await insertSigningKey(tx, key))) return null;
    const detail = { kid: id, signsFrom: signsFrom.toISOString() };
    await recordEvent(tx, { type: 'SIGNING_KEY_CREATED', client: OPERATOR, now: now(), detail });
    return id;
  });
}

/** One shared secret, for teams whose verifiers cannot use public keys. It is published nowhere. */
function sharedSecretKeys(secret: string): SigningKeys {
  const key = createSecretKey(secret, 'utf8');
  const kid = createHash('sha256').update('kid').update(secret).digest('base64url').slice(0, 16);
  const shared: AccessTokenKey = { kid, algorithm: 'HS256', key };
  return {
    signing: async () => shared,
    verifying: async (asked) => (asked === kid ? shared : null),
    holds: (asked) => asked === kid,
    publicKeys: async () => [],
    refresh: async () => undefined,
    signingForMs: () => null,
  };
}
