import { transaction } from '../../db/client.ts';
import { lockAccount } from '../../records/account.ts';
import { deleteEmailTokens, listOutdated } from '../../records/email-token.ts';
import { deleteAbandoned, listAbandoned } from '../../records/pending-registration.ts';
import type { Deps } from '../deps.ts';
import { eraseUser } from './erasure.ts';

const HOUSEKEEPING = { ipAddress: null, userAgent: 'housekeeping', requestId: null };

/**
 * Forgets links to confirm an address that ran out before a time, and with them the registrations that nobody confirmed: as
 * if their accounts had been deleted. Nobody is told: whoever registers strangers must not have us write to them for it.
 *
 * @param limit how many links
 * @returns how many of each it forgot
 */
export async function forgetUnconfirmed(
  deps: Deps,
  before: Date,
  limit: number,
): Promise<{ links: number; registrations: number }> {
  const links = await listOutdated(deps.db, 'VERIFY_EMAIL', before, limit);
  const owners = [...new Set(links.map(({ userId }) => userId))];
  let registrations = 0;
  for (const id of await listAbandoned(deps.db, owners, before)) {
    if (await forgetRegistration(deps, id, before)) registrations++;
  }
  // last: a registration is found by its link
  await deleteEmailTokens(
    deps.db,
    links.map(({ tokenHash }) => tokenHash),
  );
  return { links: links.length, registrations };
}

function forgetRegistration(deps: Deps, id: string, before: Date): Promise<boolean> {
  return transaction(deps.db, async (tx) => {
    const account = await lockAccount(tx, id);
    if (account === null) return false;
    const act = { type: 'ACCOUNT_DELETED', actorId: null, client: HOUSEKEEPING } as const;
    return eraseUser(deps, tx, account.user, act, () => deleteAbandoned(tx, id, before));
  });
}
