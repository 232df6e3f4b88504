import type { Client } from '../../client.ts';
import type { Db } from '../../db/client.ts';
import { recordEvent } from '../../records/audit-event.ts';
import { deleteRecoveryCodes } from '../../records/recovery-code.ts';
import { disableTotpSecret } from '../../records/totp.ts';
import { type User, updateUser } from '../../records/user.ts';
import type { Deps } from '../deps.ts';

/**
 * When the holder of a mailbox proves for the first time that it is theirs: removes from the account what somebody
 * else, who registered with the address, may have set up. A second factor may be somebody else's just as the password,
 * and would keep the owner out. A phrase that somebody else knows proves nothing.
 *
 * @returns the user without these
 */
export async function dropUnproven(deps: Deps, tx: Db, user: User, client: Client): Promise<User> {
  const now = deps.now();
  const event = { userId: user.id, client, now };
  if (await disableTotpSecret(tx, user.id, now)) {
    await deleteRecoveryCodes(tx, user.id);
    await recordEvent(tx, { type: 'TOTP_DISABLED', ...event });
  }
  const phrase = deps.config.defaultPhrase;
  if (user.phrase !== phrase) {
    await updateUser(tx, user.id, { phrase }, now);
    await recordEvent(tx, { type: 'PROFILE_UPDATED', ...event, detail: { fields: ['phrase'] } });
  }
  return { ...user, phrase, totpEnabled: false };
}
