import type { Keys } from './keyring.ts';
import { isMac, mac } from './mac.ts';

const FORMAT = /^([0-9a-f-]{36})\.(\d{10})\.([\w-]{43})$/;

/** The owner of a device, and when they set the password that the device signed in with. */
export interface DeviceOwner {
  userId: string;
  passwordChangedAt: Date | null;
}

// Ties device tokens to the current password. Somebody else may have known the previous one and used it to make devices
// known, each with a counter of its own for further guesses.
const passwordOf = ({ passwordChangedAt }: DeviceOwner) =>
  String(passwordChangedAt?.getTime() ?? '');

/**
 * Makes the token of a device that has signed in to an account. It grants no access. It only gives the device a counter
 * of failed attempts of its own, so that somebody else's guesses do not lock the owner out.
 *
 * @param deviceId a UUID
 * @param expiresAt when the device counts as unknown again
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
 * The id of the device, if the token is authentic, made for this user and not expired; otherwise `null`. After a change
 * of password, every device is unknown until it signs in again.
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
