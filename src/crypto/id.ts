import { v7 } from 'uuid';

const LATEST_MS = 2 ** 48 - 1;

/**
 * A new UUIDv7 (RFC 9562): ids made later sort later, so that rows are appended to their index and pages follow the
 * id. It is no secret: 74 random bits and the time.
 */
export function newId(now: Date): string {
  return v7({ msecs: now.getTime() });
}

/** What no id that is made at an instant or later is less than: with it, a list by id is one by time. */
export function leastIdAt(instant: Date): string {
  const msecs = Math.min(Math.max(instant.getTime(), 0), LATEST_MS);
  return v7({ msecs, seq: 0, random: new Uint8Array(16) });
}
