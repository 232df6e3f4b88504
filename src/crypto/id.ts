import { v7 } from 'uuid';

/**
 * A new UUIDv7 (RFC 9562): ids made later sort later, so that rows are appended to their index and pages follow the
 * id. It is no secret: 74 random bits and the time.
 */
export function newId(now: Date): string {
  return v7({ msecs: now.getTime() });
}
