import { askLogout, askRefresh, askWhetherGood, type Kit } from './kit.ts';
import { LatchkeyError } from './problem.ts';
import type { Refreshed } from './service.ts';
import { recordOf, type SessionRecord } from './session-record.ts';
import { NO_TABS } from './tabs.ts';

/**
 * Makes the one way to new tokens. However many operations ask, here and in other tabs, the service is asked once.
 *
 * @returns a function that takes the epoch which turned out to be no longer good, and gives what is good now: `null` when
 *   the session is over. It throws a {@link LatchkeyError} when the service could not be asked.
 */
export function createRenewal(kit: Kit): (epoch: string | null) => Promise<SessionRecord | null> {
  let running: Promise<SessionRecord | null> | null = null;
  let waiting: { until: number; error: LatchkeyError } | null = null;

  async function renew(epoch: string | null): Promise<SessionRecord | null> {
    const record = await kit.store.read();
    // another tab was faster
    if ((record?.epoch ?? null) !== epoch) return record;
    refuseWhileWaiting();
    const refreshed = await exchange(record).catch(rememberToWait);
    const now = await kit.store.read();
    // a sign-in or sign-out that happened meanwhile is newer than what was answered here
    if ((now?.epoch ?? null) !== epoch) return now;
    if (refreshed === 'refused') {
      await giveUp(kit);
      return null;
    }
    const renewed = recordOf(refreshed.tokens, record, kit.now());
    await kit.store.write(renewed);
    // cookies that came by another way: somebody had signed in before, and not just now
    kit.watch.found(renewed.login);
    kit.watch.signedIn(renewed.login);
    kit.tabs.tell({ type: 'changed', epoch: renewed.epoch, isRenewal: true });
    return renewed;
  }

  async function exchange(record: SessionRecord | null): Promise<Refreshed> {
    // another tab's cookies are there before any word of them: nothing but an answer tells in all tabs at the same time
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

/** The service has refused to renew the session: forgets it, here and in the other tabs. */
async function giveUp(kit: Kit): Promise<void> {
  const wasSignedOut = kit.watch.state() === 'signed-out';
  await kit.store.remove();
  // cookies that are good for nothing would have every further request refused
  if (kit.mode === 'cookie' && !wasSignedOut) await askLogout(kit, null, false).catch(() => {});
  kit.watch.signedOut('ended');
  kit.tabs.tell({ type: 'changed', epoch: null });
}
