import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeviceOwner, deviceToken, knownDevice } from '../../src/crypto/device-token.ts';
import type { Keys } from '../../src/crypto/keyring.ts';

const keys: Keys = [randomBytes(32)];
const now = new Date('2026-11-20T12:00:00.000Z');
const inAnHour = new Date(now.getTime() + 3_600_000);
const device = randomUUID();
const ownerOf = (userId: string): DeviceOwner => ({
  userId,
  passwordChangedAt: new Date('2026-01-02T03:04:05.678Z'),
});
const [ada, bob] = [ownerOf(randomUUID()), ownerOf(randomUUID())];

describe('knownDevice', () => {
  it('knows a device of the user that it was made for', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (userId, deviceId) => {
        const token = deviceToken(keys, ownerOf(userId), deviceId, inAnHour);
        expect(knownDevice(keys, token, ownerOf(userId), now)).toBe(deviceId);
        fc.pre(userId !== bob.userId);
        expect(knownDevice(keys, token, bob, now)).toBeNull();
      }),
    );
  });

  it('forgets a device when its time is over', () => {
    const token = deviceToken(keys, ada, device, inAnHour);
    expect(knownDevice(keys, token, ada, new Date(inAnHour.getTime() - 1))).toBe(device);
    expect(knownDevice(keys, token, ada, inAnHour)).toBeNull();
  });

  it('forgets all devices with another password', () => {
    const token = deviceToken(keys, ada, device, inAnHour);
    for (const passwordChangedAt of [new Date('2026-01-02T03:04:05.679Z'), null]) {
      const changed = { ...ada, passwordChangedAt };
      expect(knownDevice(keys, token, changed, now)).toBeNull();
      const anew = deviceToken(keys, changed, device, inAnHour);
      expect(knownDevice(keys, anew, changed, now)).toBe(device);
      expect(knownDevice(keys, anew, ada, now)).toBeNull();
    }
  });

  it('refuses a token whose device, time or MAC was changed', () => {
    const [id = '', expiry = '', mac = ''] = deviceToken(keys, ada, device, inAnHour).split('.');
    const later = String(Number(expiry) + 1);
    const flipped = (mac[0] === 'A' ? 'B' : 'A') + mac.slice(1);
    for (const token of [
      `${randomUUID()}.${expiry}.${mac}`,
      `${id}.${later}.${mac}`,
      `${id}.9999999999.${mac}`,
      `${id}.${expiry}.${flipped}`,
      `${id}.${expiry}.`,
      `${id}.${expiry}`,
      `${id}.0${expiry}.${mac}`,
      `${id.toUpperCase()}.${expiry}.${mac}`,
      ` ${id}.${expiry}.${mac}`,
      `${id}.${expiry}.${mac}\n`,
    ]) {
      expect(knownDevice(keys, token, ada, now), token).toBeNull();
    }
  });

  it('takes tokens of an older key, and none of a key that is gone', () => {
    const token = deviceToken(keys, ada, device, inAnHour);
    expect(knownDevice([randomBytes(32), keys[0]], token, ada, now)).toBe(device);
    expect(knownDevice([randomBytes(32)], token, ada, now)).toBeNull();
  });

  it('answers anything at all', () => {
    fc.assert(fc.property(fc.string(), (text) => knownDevice(keys, text, ada, now) === null));
    expect(knownDevice(keys, 'a'.repeat(1_000_000), ada, now)).toBeNull();
  });
});
