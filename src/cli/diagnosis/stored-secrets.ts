import type { JWK } from 'jose';
import type { Config } from '../../config.ts';
import { keyIds, MissingSecretError } from '../../crypto/cipher.ts';
import { createKeyring, type Keyring } from '../../crypto/keyring.ts';
import { openSigningKeyPair } from '../../crypto/signing-key.ts';
import { inBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { isDenied } from '../../db/failure.ts';
import { listSigningKeys } from '../../records/signing-key.ts';
import { listTotpSecrets } from '../../records/totp.ts';
import { type Finding, findingsOf } from './finding.ts';

const stored = findingsOf('stored-secrets');
const BATCH = 1000;
const PUT_BACK = 'Put the old value back, behind the current one: AUTH_SECRET=NEW,OLD.';

/**
 * Checks that AUTH_SECRET has the entries with which the stored keys and secrets were encrypted.
 *
 * @param config `null` if it is invalid; the check is then skipped
 */
export async function checkStoredSecrets(db: Db, config: Config | null): Promise<Finding[]> {
  if (config === null) return [];
  const keyring = createKeyring(config.secrets);
  const hasSigningKeys = config.tokens.algorithm !== 'HS256';
  return [
    ...(hasSigningKeys ? await unlessDenied(() => checkSigningKeys(db, keyring)) : []),
    ...(await unlessDenied(() => checkTotpSecrets(db, keyring))),
  ];
}

/** Skips a check that lacks rights; the check of the grants reports those. */
async function unlessDenied(check: () => Promise<Finding>): Promise<Finding[]> {
  try {
    return [await check()];
  } catch (error) {
    if (isDenied(error)) return [];
    throw error;
  }
}

async function checkSigningKeys(db: Db, keyring: Keyring): Promise<Finding> {
  const rows = await listSigningKeys(db);
  try {
    for (const row of rows) {
      openSigningKeyPair(keyring.keys('signing-key'), { ...row, publicJwk: row.publicJwk as JWK });
    }
    return stored.ok('AUTH_SECRET decrypts the signing keys.');
  } catch (error) {
    return error instanceof MissingSecretError
      ? stored.broken(
          'AUTH_SECRET lacks the entry that the signing keys were encrypted under: the service cannot start.',
          PUT_BACK,
        )
      : stored.broken(
          'A stored signing key cannot be decrypted: it was changed, or belongs to another row.',
          'Restore signing_keys from a backup, or run `npm run cli -- keys retire` for it.',
        );
  }
}

async function checkTotpSecrets(db: Db, keyring: Keyring): Promise<Finding> {
  const known = keyIds(keyring.keys('totp-secret'));
  const opens = (secret: Buffer) => known.some((id) => secret.subarray(0, id.length).equals(id));
  for await (const batch of inBatches(BATCH, (wanted) => listTotpSecrets(db, wanted))) {
    if (batch.every(({ secret }) => opens(secret))) continue;
    return stored.broken(
      'AUTH_SECRET lacks the entry that TOTP secrets were encrypted under: their owners cannot sign in.',
      `${PUT_BACK} If it is lost, use resetUserTotp for each of them.`,
    );
  }
  return stored.ok('AUTH_SECRET decrypts the TOTP secrets.');
}
