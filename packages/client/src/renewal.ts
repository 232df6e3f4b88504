import { askLogout, askRefresh, askWhetherGood, type Kit } from './kit.ts';
import { LatchkeyError } from './problem.ts';
import type { Refreshed } from './service.ts';
import { recordOf, type SessionRecord } from './session-record.ts';
import { NO_TABS } from './tabs.ts';

/**
 * Creates the function that renews the session. However many operations need it, here and in other tabs, only one request
 * goes to the service.
 *
 * @returns a function that takes the epoch of the record that is no longer valid and resolves to the current record, or to
 *   `null` if the session is over. It throws a {@link LatchkeyError} if the service could not be asked.
 */
export function createRenewal(kit: Kit): (epoch: string | null) => Promise<SessionRecord | null> {
  let running: Promise<SessionRecord | null> | null = null;
  let waiting: { until: number; error: LatchkeyError } | null = null;

  async function renew(epoch: string | null): Promise<SessionRecord | null> {
    const record = await kit.store.read();
    // another tab has renewed the session first
    if ((record?.epoch ?? null) !== epoch) return record;
    refuseWhileWaiting();
    const refreshed = await exchange(record).catch(rememberToWait);
    const now = await kit.store.read();
    // a sign-in or sign-out in the meantime takes precedence over this answer
    if ((now?.epoch ?? null) !== epoch) return now;
    if (refreshed === 'refused') {
      await giveUp(kit);
      return null;
    }
    const renewed = recordOf(refreshed.tokens, record, kit.now());
    await kit.store.write(renewed);
    // if nothing was known of the cookies, the user had signed in earlier: report `known`, not `signed-in`
    kit.watch.found(renewed.login);
    kit.watch.signedIn(renewed.login);
    kit.tabs.tell({ type: 'changed', epoch: renewed.epoch, isRenewal: true });
    return renewed;
  }

  async function exchange(record: SessionRecord | null): Promise<Refreshed> {
    // another tab's new cookies arrive before its message does, so ask the service whether the current cookies are valid
    const isShared = kit.mode === 'cookie' && kit.tabs !== NO_TABS;
    return isShared && (await askWhetherGood(kit)) ? { tokens: null } : askRefresh(kit, record);
  }

  function refuseWhileWaiting(): void {
    if (waiting === null || kit.now() >= waiting.until) return;
    const { code, message, errors } = waiting.error;
    const retryAfter = Math.ceil((waiting.until - kit.now()) / 1000);
    throw new LatchkeyError(code, message, { retryAfter, errors });
  }

  function rememberToWait(error: unknown): never {
    if (error instanceof LatchkeyError && error.retryAfter !== null) {
      waiting = { until: kit.now() + error.retryAfter * 1000, error };
    }
    throw error;
  }

  return (epoch) => {
    running ??= kit.tabs
      .alone(() => renew(epoch))
      .finally(() => {
        running = null;
      });
    return running;
  };
}

/** Discards the session, here and in the other tabs, after the service has refused to renew it. */
async function giveUp(kit: Kit): Promise<void> {
  const wasSignedOut = kit.watch.state() === 'signed-out';
  await kit.store.remove();
  // have the service delete the invalid cookies, which would otherwise make every further request fail
  if (kit.mode === 'cookie' && !wasSignedOut) await askLogout(kit, null, false).catch(() => {});
  kit.watch.signedOut('ended');
  kit.tabs.tell({ type: 'changed', epoch: null });
}
