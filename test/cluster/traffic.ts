import { setTimeout as delay } from 'node:timers/promises';
import {
  type Account,
  changePassword,
  openAndEndSession,
  refresh,
  refreshTwice,
  register,
  type Service,
  useRecoveryCode,
} from './account.ts';
import { ask } from './client.ts';
import type { Instance } from './instance.ts';
import { enrol, useTotpCode } from './second-factor.ts';

/** People who register and use their accounts, each one thing after the other, until they are told to stop. */
export interface Traffic {
  accounts: Account[];
  stop(): Promise<void>;
}

const ACTS = [refresh, refresh, refreshTwice, changePassword, openAndEndSession, useRecoveryCode];
const MOST_ACTS = 25;

export function startTraffic(service: Service, people: number): Traffic {
  const accounts: Account[] = [];
  let isOver = false;
  const live = async () => {
    while (!isOver) {
      const account = await register(service);
      if (account === undefined) {
        await delay(100);
        continue;
      }
      accounts.push(account);
      await use(service, account, () => isOver);
    }
  };
  const lives = Array.from({ length: people }, live);
  return {
    accounts,
    async stop() {
      isOver = true;
      await Promise.all(lives);
    },
  };
}

async function use(service: Service, account: Account, isOver: () => boolean): Promise<void> {
  // in doubt whether there is a second factor, nobody can say what a sign-in should answer
  if (Math.random() < 0.5 && !(await enrol(service, account))) return;
  for (let acts = 0; acts < MOST_ACTS && account.refreshToken !== '' && !isOver(); acts++) {
    const act = acts === 12 ? useTotpCode : ACTS[Math.floor(Math.random() * ACTS.length)];
    await act?.(service, account);
    await delay(20 + Math.random() * 60);
  }
}

/** When each of a row of sign-ins at one instance was sent, and how it ended. */
export interface Pulse {
  instance: Instance;
  beats: { sentAt: number; endedAt: number; problem: string | undefined }[];
  stop(): Promise<void>;
}

const BEAT_MS = 200;

/** Signs the same person in again and again, each time whether or not the time before has been answered. */
export function startPulse(instance: Instance, account: Account): Pulse {
  const beats: Pulse['beats'] = [];
  const pending = new Set<Promise<void>>();
  const { email, password } = account;
  const beat = async () => {
    const sentAt = performance.now();
    const { type, problem } = await ask(instance.url, 'login', { email, password });
    const told = type === 'LoginSuccess' ? undefined : (problem ?? type ?? 'nothing');
    beats.push({ sentAt, endedAt: performance.now(), problem: told });
  };
  const timer = setInterval(() => {
    const sent = beat().finally(() => pending.delete(sent));
    pending.add(sent);
  }, BEAT_MS);
  return {
    instance,
    beats,
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
}

/** @returns seconds from the failure until a sign-in sent after it was answered, and until the last one that failed was sent */
export function gapOf({ beats }: Pulse, failedAt: number): { first: number; last: number } {
  const after = beats.filter(({ sentAt }) => sentAt > failedAt);
  const failures = after.filter(({ problem }) => problem !== undefined);
  const last = Math.max(failedAt, ...failures.map(({ sentAt }) => sentAt));
  // one that came through before the failure was noticed does not count
  const good = after.filter(({ problem, sentAt }) => problem === undefined && sentAt > last);
  const first = Math.min(...good.map(({ endedAt }) => endedAt));
  return { first: (first - failedAt) / 1000, last: (last - failedAt) / 1000 };
}
