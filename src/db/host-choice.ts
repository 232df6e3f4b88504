import { Socket } from 'node:net';
import type { ConnectionOptions } from 'mysql2/promise';
import { type Host, hostText, type ServerConnection } from './connection.ts';
import { verdictOf } from './failure.ts';
import { createHostProbe, type HostProbe, type Standing } from './host-probe.ts';

/** The choice of one host, among several, for all statements. */
export interface HostChoice {
  /** Why hosts did not answer. */
  failures(): Error[];
  /**
   * Calls `tell` with the host that takes writes, at once or as soon as there is one.
   *
   * @returns a function for a caller that stops waiting
   */
  whenKnown(tell: (host: Host) => void): () => void;
  /**
   * Whether another host has been chosen, so that connections to this one must not be used any more; `false` while none
   * is chosen.
   */
  isLeft(host: Host): boolean;
  /** Whether no host takes writes at the moment. */
  isAway(): boolean;
  /** Reports trouble at a host, so that all hosts are probed again without delay. */
  doubt(host: Host, because: 'failure' | 'silence'): void;
  close(): void;
}

const LOOK_EVERY_MS = 1000;
const LOOK_AGAIN_MS = 250;
const LOOK_TIMEOUT_MS = 1000;
// a preferred node is returned to only after it has been well for this long
const STEADY_MS = 10_000;
const DOUBT_MS = 10_000;
const SILENCES = 3;

/** What is known of a host. */
export interface Candidate {
  readonly standing: Standing;
  /** Whether its standing has neither changed nor been doubted for a while. */
  readonly isSteady: boolean;
  /** Whether statements went unanswered there although it says that it takes writes. */
  readonly isDoubted: boolean;
}

/**
 * Chooses the host to write to. Every instance prefers the first in the list, so that all write to the same one: on
 * Galera, instances that write to different nodes cause each other's transactions to be rolled back. An instance stays
 * with a good host until an earlier node of the same Galera cluster is steady. Without Galera there is only one
 * primary, and a second host that says it takes writes has lost its group; so the instance does not change over to it.
 *
 * @param current the host that was chosen before
 * @returns the host to use, or undefined when none takes writes
 */
export function chooseHost(
  candidates: readonly Candidate[],
  current: number | undefined,
): number | undefined {
  const first = (test: (candidate: Candidate) => boolean) => {
    const index = candidates.findIndex(test);
    return index === -1 ? undefined : index;
  };
  const takesWrites = ({ standing }: Candidate) => standing === 'open' || standing === 'shared';
  const isGood = (candidate: Candidate) => takesWrites(candidate) && !candidate.isDoubted;
  const here = current === undefined ? undefined : candidates[current];
  if (here !== undefined && isGood(here)) {
    const better = candidates
      .slice(0, current)
      .findIndex((one) => one.standing === 'shared' && one.isSteady && !one.isDoubted);
    return better === -1 ? current : better;
  }
  return first(isGood) ?? first(takesWrites) ?? first(({ standing }) => standing === 'busy');
}

interface Watched {
  readonly host: Host;
  readonly probe: HostProbe;
  standing: Standing;
  standsSince: number;
  doubtedUntil: number;
  silences: number[];
}

/**
 * Watches several hosts, each over a connection of its own, and chooses the one to write to.
 *
 * @param changed called when the choice changes; with undefined when no host takes writes
 */
export function watchHosts(
  { hosts = [], database: _, ...options }: ServerConnection,
  changed: (host: Host | undefined) => void = () => undefined,
): HostChoice {
  const watched = hosts.map((host) => watchedHost(host, options));
  let chosen: number | undefined;
  let isClosed = false;
  let isLooking = false;
  let isHurried = false;
  let lookedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let waiting = new Set<(host: Host) => void>();

  const choose = () => {
    const before = chosen;
    const now = performance.now();
    chosen = chooseHost(
      watched.map((one) => candidateOf(one, now)),
      before,
    );
    const host = chosen === undefined ? undefined : watched[chosen]?.host;
    if (chosen !== before) changed(host);
    if (host === undefined) return;
    const told = waiting;
    waiting = new Set();
    for (const tell of told) tell(host);
  };

  const lookIn = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(look, ms).unref();
  };
  const look = async () => {
    isLooking = true;
    isHurried = false;
    await Promise.all(watched.map(lookAt));
    isLooking = false;
    lookedAt = performance.now();
    if (isClosed) return;
    choose();
    lookIn(isHurried || chosen === undefined ? LOOK_AGAIN_MS : LOOK_EVERY_MS);
  };
  const hurry = () => {
    // in an outage every failed statement asks for this; one early look serves all
    if (isHurried || isClosed) return;
    isHurried = true;
    if (!isLooking) lookIn(Math.max(0, lookedAt + LOOK_AGAIN_MS - performance.now()));
  };

  void look();
  return {
    whenKnown(tell) {
      const host = chosen === undefined ? undefined : watched[chosen]?.host;
      if (host === undefined) waiting.add(tell);
      else tell(host);
      return () => void waiting.delete(tell);
    },
    isLeft(host) {
      const here = chosen === undefined ? undefined : watched[chosen]?.host;
      return here !== undefined && hostText(here) !== hostText(host);
    },
    isAway: () => chosen === undefined,
    doubt(host, because) {
      const one = watched.find((candidate) => hostText(candidate.host) === hostText(host));
      if (one !== undefined && because === 'silence') noteSilence(one);
      hurry();
    },
    failures: () => watched.flatMap(({ probe }) => probe.failure() ?? []),
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const { probe } of watched) probe.close();
    },
  };
}

function watchedHost(host: Host, options: ConnectionOptions): Watched {
  const probe = createHostProbe(options, host, LOOK_TIMEOUT_MS);
  return { host, probe, standing: 'closed', standsSince: 0, doubtedUntil: 0, silences: [] };
}

async function lookAt(one: Watched): Promise<void> {
  const standing = await one.probe.look();
  if (standing !== one.standing) one.standsSince = performance.now();
  one.standing = standing;
}

function candidateOf({ standing, standsSince, doubtedUntil }: Watched, now: number): Candidate {
  const isSteady = now - Math.max(standsSince, doubtedUntil) >= STEADY_MS;
  return { standing, isSteady, isDoubted: now < doubtedUntil };
}

/** A primary that lost its group still says that it takes writes, but none of them ever completes. */
function noteSilence(one: Watched): void {
  const now = performance.now();
  one.silences = [...one.silences.filter((at) => now - at < DOUBT_MS), now];
  if (one.silences.length < SILENCES) return;
  one.silences = [];
  one.doubtedUntil = now + DOUBT_MS;
}

/**
 * Creates the sockets of connections, each to the host that takes writes when it is opened. The host is also written
 * into the connection's own options, where TLS looks up the name that the certificate must have.
 */
export function socketsTo(choice: Pick<HostChoice, 'whenKnown'>) {
  return ({ config }: { config: Partial<Host> }): Socket => {
    const socket = new Socket();
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    const forget = choice.whenKnown(({ host, port }) => {
      // destroyed in the meantime, although its `close` event has not come yet
      if (socket.destroyed) return;
      Object.assign(config, { host, port });
      socket.connect(port, host);
    });
    // while there is no host, the driver gives up one socket after the other; none must stay in the queue
    socket.once('close', forget);
    return socket;
  };
}

/**
 * Finds the host that takes writes, for a single connection.
 *
 * @returns options to reach that host alone; the given ones if there is only one host
 * @throws when no host takes writes in time
 */
export async function writableHost(
  connection: ServerConnection,
  timeoutMs: number,
): Promise<ConnectionOptions> {
  const { hosts, ...options } = connection;
  if (hosts === undefined) return connection;
  const choice = watchHosts(connection);
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(noneOpen(hosts, choice.failures())), timeoutMs);
  });
  try {
    const known = new Promise<Host>((resolve) => choice.whenKnown(resolve));
    return { ...options, ...(await Promise.race([known, tooLate])) };
  } finally {
    clearTimeout(timer);
    choice.close();
  }
}

/**
 * Prefers a `final` error: a wrong user or password is reported by every host, and waiting for another one does not
 * help.
 */
function noneOpen(hosts: readonly Host[], failures: Error[]): Error {
  const told = failures.find((failure) => verdictOf(failure) === 'final');
  const message = `None of ${hosts.map(hostText).join(', ')} takes writes.`;
  return told ?? Object.assign(new Error(message), { code: 'ENOTWRITABLE' });
}
