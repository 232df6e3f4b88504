import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { transaction } from '../../src/db/client.ts';
import {
  findPendingRegistration,
  type PendingRegistration,
  putPendingRegistration,
  takePendingRegistration,
} from '../../src/records/pending-registration.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { isUpdating } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

function newRegistration(): PendingRegistration {
  const now = app.clock.now();
  const names = { username: null, displayName: null, phrase: null };
  const proofs = { passwordHash: 'none', passwordHint: randomBytes(1), tokenHash: randomBytes(32) };
  const times = { createdAt: now, linkedAt: now, expiresAt: new Date(now.getTime() + 60_000) };
  return { emailKey: 'ada@example.com', email: 'ada@example.com', ...names, ...proofs, ...times };
}

it('takes nothing by a link whose registration is being replaced', async () => {
  const { db } = app.app.deps;
  const [old, newer] = [newRegistration(), newRegistration()];
  await putPendingRegistration(db, old);
  let taken: Promise<PendingRegistration | null> | undefined;
  await transaction(db, async (tx) => {
    await putPendingRegistration(tx, newer);
    taken = takePendingRegistration(db, old.tokenHash, app.clock.now());
    // it has read the old one, and waits for the row
    await vi.waitUntil(() => isUpdating(app.databaseUrl));
  });
  expect(await taken).toBeNull();
  const left = await findPendingRegistration(db, old.emailKey);
  expect(left?.tokenHash).toEqual(newer.tokenHash);
});
