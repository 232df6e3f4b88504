import { v7 } from 'uuid';

const LATEST_MS = 2 ** 48 - 1;

/**
 * A new UUIDv7 (RFC 9562). Later ids sort after earlier ones, so that new rows go to the end of an index, and pages can
 * be ordered by id. An id is no secret: it is 74 random bits and the time.
 */
export function newId(now: Date): string {
  return v7({ msecs: now.getTime() });
}

/** The least id that can be made at an instant or later. It allows a list ordered by id to be bounded by time. */
export function leastIdAt(instant: Date): string {
  const msecs = Math.min(Math.max(instant.getTime(), 0), LATEST_MS);
  return v7({ msecs, seq: 0, random: new Uint8Array(16) });
}
