import { currentKeyId, decrypt, encrypt } from '../crypto/cipher.ts';
import type { Keys } from '../crypto/keyring.ts';
import { type Batch, inBatches } from '../db/batches.ts';
import type { Db } from '../db/client.ts';
import { recordEvent } from '../records/audit-event.ts';
import { listEnvelopes, replaceEnvelope, sealed } from '../records/mail-delivery.ts';
import { listSigningKeys, replacePrivateKey } from '../records/signing-key.ts';
import {
  listTotpEnrolments,
  listTotpSecrets,
  replaceTotpEnrolment,
  replaceTotpSecret,
  type StoredTotpSecret,
} from '../records/totp.ts';
import type { Deps } from './deps.ts';

/** How many of each were encrypted again. */
export interface Rewrapped {
  signingKeys: number;
  totpSecrets: number;
  mails: number;
}

const BATCH = 500;
const OPERATOR = { ipAddress: null, userAgent: 'command line', requestId: null };

/**
 * Encrypts all stored secrets again under the current entry of AUTH_SECRET. Values that carry the current key's id are
 * skipped, so an interrupted run continues where it stopped. It may run beside the service: a code that is checked at
 * the moment when its secret is replaced is refused, but the next one is not.
 *
 * @throws {MissingSecretError} when AUTH_SECRET lacks the entry that something was encrypted under
 */
export async function rewrapSecrets(
  deps: Pick<Deps, 'db' | 'keyring' | 'now'>,
): Promise<Rewrapped> {
  const done = {
    signingKeys: await rewrapSigningKeys(deps),
    totpSecrets: await rewrapTotp(deps),
    mails: await rewrapMails(deps),
  };
  if (done.signingKeys + done.totpSecrets + done.mails > 0) {
    const event = { client: OPERATOR, now: deps.now(), detail: done };
    await recordEvent(deps.db, { type: 'SECRETS_REWRAPPED', ...event });
  }
  return done;
}

async function rewrapSigningKeys({ db, keyring }: Pick<Deps, 'db' | 'keyring'>): Promise<number> {
  const keys = keyring.keys('signing-key');
  const isStale = staleUnder(keys);
  const stale = (await listSigningKeys(db)).filter(({ privateJwk }) => isStale(privateJwk));
  for (const key of stale) {
    await replacePrivateKey(db, key, encrypt(keys, decrypt(keys, key.privateJwk, key.id), key.id));
  }
  return stale.length;
}

async function rewrapTotp({ db, keyring }: Pick<Deps, 'db' | 'keyring'>): Promise<number> {
  const keys = keyring.keys('totp-secret');
  const isStale = staleUnder(keys);
  const rewrapAll = async (
    list: (db: Db, batch: Batch) => Promise<StoredTotpSecret[]>,
    replace: (db: Db, from: StoredTotpSecret, to: Buffer) => Promise<void>,
  ) => {
    let done = 0;
    for await (const batch of inBatches(BATCH, (wanted) => list(db, wanted))) {
      for (const stored of batch.filter(({ secret }) => isStale(secret))) {
        await replace(
          db,
          stored,
          encrypt(keys, decrypt(keys, stored.secret, stored.id), stored.id),
        );
        done++;
      }
    }
    return done;
  };
  // enrolments first: a secret that is confirmed meanwhile moves to the secrets in use, and is found there
  return (
    (await rewrapAll(listTotpEnrolments, replaceTotpEnrolment)) +
    (await rewrapAll(listTotpSecrets, replaceTotpSecret))
  );
}

async function rewrapMails({ db, keyring }: Pick<Deps, 'db' | 'keyring'>): Promise<number> {
  const keys = keyring.keys('mail');
  const isStale = staleUnder(keys);
  let done = 0;
  for await (const batch of inBatches(BATCH, (wanted) => listEnvelopes(db, wanted))) {
    for (const mail of batch.flatMap(sealed).filter(({ envelope }) => isStale(envelope))) {
      const plain = decrypt(keys, mail.envelope, mail.id);
      await replaceEnvelope(db, mail, encrypt(keys, plain, mail.id));
      done++;
    }
  }
  return done;
}

/** Makes a check whether a ciphertext was made under another key than the current one, by the id it begins with. */
function staleUnder(keys: Keys): (ciphertext: Buffer) => boolean {
  const current = currentKeyId(keys);
  return (ciphertext) => !ciphertext.subarray(0, current.length).equals(current);
}
