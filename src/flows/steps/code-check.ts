import { decrypt } from '../../crypto/cipher.ts';
import { parseRecoveryCode, recoveryCodeHashes } from '../../crypto/recovery-code.ts';
import { totpStep } from '../../crypto/totp.ts';
import type { Db } from '../../db/client.ts';
import { takeRecoveryCode } from '../../records/recovery-code.ts';
import { takeTotpStep } from '../../records/totp.ts';
import type { Deps } from '../deps.ts';

export type MfaMethod = 'TOTP' | 'RECOVERY_CODE';

/**
 * Checks a TOTP or recovery code and uses it up, in the transaction of what it allows: if that is rolled back, the code
 * is valid again.
 *
 * @returns which kind it was; `null` when it is wrong or was used before
 */
export async function takeCode(
  deps: Deps,
  tx: Db,
  holder: { userId: string; totpSecret: Buffer },
  code: string,
): Promise<MfaMethod | null> {
  const now = deps.now();
  const { userId, totpSecret } = holder;
  const secret = decrypt(deps.keyring.keys('totp-secret'), totpSecret, userId).toString();
  const step = totpStep(secret, code, now);
  if (step !== null) {
    return (await takeTotpStep(tx, userId, totpSecret, step)) ? 'TOTP' : null;
  }
  const recoveryCode = parseRecoveryCode(code);
  if (recoveryCode === null) return null;
  const hashes = recoveryCodeHashes(deps.keyring.keys('recovery-code'), userId, recoveryCode);
  return (await takeRecoveryCode(tx, userId, hashes, now)) ? 'RECOVERY_CODE' : null;
}
