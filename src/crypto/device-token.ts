import type { Keys } from './keyring.ts';
import { isMac, mac } from './mac.ts';

const FORMAT = /^([0-9a-f-]{36})\.(\d{10})\.([\w-]{43})$/;

/** Whose a device is, and since when they have the password that it signed in by. */
export interface DeviceOwner {
  userId: string;
  passwordChangedAt: Date | null;
}

// somebody else may have known the one before and made devices known by it, each with a counter to guess on with
const passwordOf = ({ passwordChangedAt }: DeviceOwner) =>
  String(passwordChangedAt?.getTime() ?? '');

/**
 * Makes the token of a device that has signed in to an account. It opens nothing; it only gives that device a counter
 * of failed attempts of its own, so that somebody else's guessing does not lock its owner out.
 *
 * @param deviceId a UUID; @param expiresAt when the device counts as unknown again
 */
export function deviceToken(
  keys: Keys,
  owner: DeviceOwner,
  deviceId: string,
  expiresAt: Date,
): string {
  const expiry = String(Math.floor(expiresAt.getTime() / 1000));
  const digest = mac(keys, owner.userId, deviceId, expiry, passwordOf(owner));
  return `${deviceId}.${expiry}.${digest.toString('base64url')}`;
}

/**
 * The id of the device when the token is authentic, made for this user and not expired; otherwise `null`. With another
 * password all devices are unknown until they have signed in anew.
 */
export function knownDevice(
  keys: Keys,
  token: string,
  owner: DeviceOwner,
  now: Date,
): string | null {
  const match = FORMAT.exec(token);
  if (match === null) return null;
  const [, deviceId = '', expiry = '', digest = ''] = match;
  if (Number(expiry) * 1000 <= now.getTime()) return null;
  const presented = Buffer.from(digest, 'base64url');
  return isMac(keys, presented, owner.userId, deviceId, expiry, passwordOf(owner))
    ? deviceId
    : null;
}
