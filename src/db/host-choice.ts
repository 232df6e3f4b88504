import { Socket } from 'node:net';
import type { ConnectionOptions } from 'mysql2/promise';
import { type Host, hostText, type ServerConnection } from './connection.ts';
import { verdictOf } from './failure.ts';
import { createHostProbe, type HostProbe, type Standing } from './host-probe.ts';

/** Of several hosts the one that all statements go to. */
export interface HostChoice {
  /** Why hosts did not answer. */
  failures(): Error[];
  /**
   * Tells the host that takes writes, at once or when there is one.
   *
   * @returns what to call by who waits no longer
   */
  whenKnown(tell: (host: Host) => void): () => void;
  /** Whether connections to this host are to be used; `false` while nothing better is known. */
  isLeft(host: Host): boolean;
  /** Whether no host takes writes at the moment. */
  isAway(): boolean;
  /** Something went wrong there: looks again at once. */
  doubt(host: Host, because: 'failure' | 'silence'): void;
  close(): void;
}

const LOOK_EVERY_MS = 1000;
const LOOK_AGAIN_MS = 250;
const LOOK_TIMEOUT_MS = 1000;
// a node that was away is gone back to when it has been well for so long
const STEADY_MS = 10_000;
const DOUBT_MS = 10_000;
const SILENCES = 3;

/** What is known of a host. */
export interface Candidate {
  readonly standing: Standing;
  /** Whether it has stood so for a while. */
  readonly isSteady: boolean;
  /** Whether it says that it takes writes, and statements there fell silent. */
  readonly isDoubted: boolean;
}

/**
 * Chooses the host to write to. Every instance prefers those that come first in the list, so that all write to the same:
 * on Galera two that write to different nodes undo each other's work. Who is at a good one stays there, until an earlier
 * node of the same Galera cluster is steady. Where there is one primary only, a second one is one that has lost its group.
 *
 * @param current which one was chosen before
 * @returns which one, or undefined when none takes writes
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
 * @param changed is told of another choice, and with undefined that no host takes writes
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
    // in an outage everybody is in a hurry
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

/** A primary that lost its group still says that it takes writes, and then none of them ever ends. */
function noteSilence(one: Watched): void {
  const now = performance.now();
  one.silences = [...one.silences.filter((at) => now - at < DOUBT_MS), now];
  if (one.silences.length < SILENCES) return;
  one.silences = [];
  one.doubtedUntil = now + DOUBT_MS;
}

/**
 * Makes the sockets of connections, each to the host that takes writes when it is opened. Which one it is stands in the
 * connection's own options, where TLS looks for the name that the certificate must have.
 */
export function socketsTo(choice: Pick<HostChoice, 'whenKnown'>) {
  return ({ config }: { config: Partial<Host> }): Socket => {
    const socket = new Socket();
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    const forget = choice.whenKnown(({ host, port }) => {
      // nobody has been told of its end yet
      if (socket.destroyed) return;
      Object.assign(config, { host, port });
      socket.connect(port, host);
    });
    // the driver gives up waiting, again and again while there is no host
    socket.once('close', forget);
    return socket;
  };
}

/**
 * Finds the host that takes writes, for a connection that is opened once.
 *
 * @returns how to reach it alone; the very same where there is only one
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

/** What is wrong with the user or the password is said by any host, and mended at none. */
function noneOpen(hosts: readonly Host[], failures: Error[]): Error {
  const told = failures.find((failure) => verdictOf(failure) === 'final');
  const message = `None of ${hosts.map(hostText).join(', ')} takes writes.`;
  return told ?? Object.assign(new Error(message), { code: 'ENOTWRITABLE' });
}
