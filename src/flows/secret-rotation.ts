import { currentKeyId, decrypt, encrypt } from '../crypto/cipher.ts';
import type { Db } from '../db/client.ts';
import { recordEvent } from '../records/audit-event.ts';
import { listEnvelopesNotUnder, replaceEnvelope } from '../records/mail-delivery.ts';
import { listSigningKeys, replacePrivateKey } from '../records/signing-key.ts';
import {
  listTotpEnrolmentsNotUnder,
  listTotpSecretsNotUnder,
  replaceTotpEnrolment,
  replaceTotpSecret,
  type StoredTotpSecret,
} from '../records/totp.ts';
import type { Deps } from './deps.ts';

/** How many of each were encrypted anew. */
export interface Rewrapped {
  signingKeys: number;
  totpSecrets: number;
  mails: number;
}

const BATCH = 200;
const OPERATOR = { ipAddress: null, userAgent: 'command line', requestId: null };

/**
 * Encrypts everything that is stored encrypted under the current entry of AUTH_SECRET. What carries the current key's id
 * is done already, so that it goes on where it was interrupted, and may run beside the service: a code that is checked at
 * the moment when its secret is replaced is refused, and the next one is not.
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
  const current = currentKeyId(keys);
  const stale = (await listSigningKeys(db)).filter(
    ({ privateJwk }) => !privateJwk.subarray(0, current.length).equals(current),
  );
  for (const key of stale) {
    await replacePrivateKey(db, key, encrypt(keys, decrypt(keys, key.privateJwk, key.id), key.id));
  }
  return stale.length;
}

async function rewrapTotp({ db, keyring }: Pick<Deps, 'db' | 'keyring'>): Promise<number> {
  const keys = keyring.keys('totp-secret');
  const current = currentKeyId(keys);
  const rewrapAll = async (
    list: (db: Db, keyIds: Buffer[], limit: number) => Promise<StoredTotpSecret[]>,
    replace: (db: Db, from: StoredTotpSecret, to: Buffer) => Promise<void>,
  ) => {
    for (let done = 0; ; ) {
      const batch = await list(db, [current], BATCH);
      if (batch.length === 0) return done;
      for (const stored of batch) {
        const plain = decrypt(keys, stored.secret, stored.userId);
        await replace(db, stored, encrypt(keys, plain, stored.userId));
      }
      done += batch.length;
    }
  };
  // in this order: a secret that is confirmed meanwhile moves from the waiting ones to those in force, and is found there
  return (
    (await rewrapAll(listTotpEnrolmentsNotUnder, replaceTotpEnrolment)) +
    (await rewrapAll(listTotpSecretsNotUnder, replaceTotpSecret))
  );
}

async function rewrapMails({ db, keyring }: Pick<Deps, 'db' | 'keyring'>): Promise<number> {
  const keys = keyring.keys('mail');
  const current = currentKeyId(keys);
  for (let done = 0; ; ) {
    const batch = await listEnvelopesNotUnder(db, current, BATCH);
    if (batch.length === 0) return done;
    for (const sealed of batch) {
      const plain = decrypt(keys, sealed.envelope, sealed.id);
      await replaceEnvelope(db, sealed, encrypt(keys, plain, sealed.id));
    }
    done += batch.length;
  }
}
