import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { currentKeyId, encrypt } from '../../src/crypto/cipher.ts';
import { transaction } from '../../src/db/client.ts';
import { rewrapSecrets } from '../../src/flows/secret-rotation.ts';
import {
  listEnvelopes,
  markMailSent,
  replaceEnvelope,
  sealed,
} from '../../src/records/mail-delivery.ts';
import {
  disableTotpSecret,
  enableTotpSecret,
  listTotpEnrolments,
  listTotpSecrets,
  putTotpEnrolment,
  replaceTotpEnrolment,
  replaceTotpSecret,
  takeTotpEnrolment,
} from '../../src/records/totp.ts';
import { completeLogin, enrolTotp, logIn, registerUser, totpCode } from '../support/account.ts';
import { createTestApp, TEST_SECRET, type TestApp } from '../support/app.ts';
import { isUpdating, runSql } from '../support/database.ts';
import { startMailServer } from '../support/mail-server.ts';
import { deliverOnce, mailEnv, storedMails, writeMail } from '../support/outbox.ts';

const NEW_SECRET = 'newer-7d1c0f8e2b6a4593a8c4e6f0b1d2937586';

let old: TestApp;
beforeAll(async () => {
  old = await createTestApp();
});
afterAll(() => old.close());

async function instance(secret: string): Promise<TestApp> {
  const { databaseUrl, clock } = old;
  return createTestApp({ databaseUrl, clock, env: { AUTH_SECRET: secret } });
}

it('moves everything encrypted to the new entry, so that the old one can go', async () => {
  const user = await registerUser(old);
  const { secret } = await enrolTotp(old, user);

  const both = await instance(`${NEW_SECRET},${TEST_SECRET}`);
  expect(await rewrapSecrets(both.app.deps)).toMatchObject({ signingKeys: 1, totpSecrets: 1 });
  expect(await rewrapSecrets(both.app.deps)).toEqual({ signingKeys: 0, totpSecrets: 0, mails: 0 });
  await both.close();

  const alone = await instance(NEW_SECRET);
  old.clock.advance(60);
  const { challenge } = await logIn(alone, { identifier: user.email });
  const code = totpCode(secret, old.clock.now());
  expect((await completeLogin(alone, challenge, code)).__typename).toBe('LoginSuccess');
  await alone.close();
});

it('finds a secret that is confirmed while it looks', async () => {
  const user = await registerUser(old);
  const both = await instance(`${NEW_SECRET},${TEST_SECRET}`);
  const { db } = both.app.deps;
  await rewrapSecrets(both.app.deps);
  const secret = encrypt(
    old.app.deps.keyring.keys('totp-secret'),
    Buffer.from('a secret'),
    user.id,
  );
  const now = old.clock.now();
  await putTotpEnrolment(db, {
    userId: user.id,
    secret,
    expiresAt: new Date(now.getTime() + 60_000),
  });

  let rewrapping: Promise<unknown> = Promise.resolve();
  await transaction(db, async (tx) => {
    await takeTotpEnrolment(tx, user.id, secret);
    await enableTotpSecret(tx, user.id, secret, 1, now);
    rewrapping = rewrapSecrets(both.app.deps);
    await expect.poll(() => isUpdating(old.databaseUrl)).toBe(true);
  });
  await rewrapping;
  const current = currentKeyId(both.app.deps.keyring.keys('totp-secret'));
  const stored = await listTotpSecrets(db, { after: null, limit: 1000 });
  expect(stored.map(({ id }) => id)).toContain(user.id);
  for (const { secret } of stored) expect(secret.subarray(0, current.length)).toEqual(current);
  await both.close();
});

function onlyOne<Row>(rows: readonly Row[]): Row {
  const [row, ...more] = rows;
  if (row === undefined || more.length > 0) throw new Error(`There are ${rows.length}.`);
  return row;
}

it('brings nothing back that was given up or replaced since it was read', async () => {
  const own = await createTestApp({ env: mailEnv(9) });
  const { db, now } = own.app.deps;
  const all = { after: null, limit: 1000 };
  const { id } = await registerUser(own);
  const [first, next] = [Buffer.from('the first secret'), Buffer.from('the next secret')];

  await enableTotpSecret(db, id, first, 1, now());
  const inForce = onlyOne(await listTotpSecrets(db, all));
  await disableTotpSecret(db, id, now());
  await replaceTotpSecret(db, inForce, next);
  expect(await listTotpSecrets(db, all)).toEqual([]);

  const expiresAt = new Date(now().getTime() + 60_000);
  await putTotpEnrolment(db, { userId: id, secret: first, expiresAt });
  const waiting = onlyOne(await listTotpEnrolments(db, all));
  await putTotpEnrolment(db, { userId: id, secret: next, expiresAt });
  await replaceTotpEnrolment(db, waiting, first);
  expect(await listTotpEnrolments(db, all)).toEqual([{ id, secret: next }]);

  const mail = onlyOne((await listEnvelopes(db, all)).flatMap(sealed));
  await markMailSent(db, mail.id, now());
  await replaceEnvelope(db, mail, next);
  expect((await listEnvelopes(db, all)).flatMap(sealed)).toEqual([]);
  await own.close();
});

it('looks at each secret and each mail once, however many there are', async () => {
  const own = await createTestApp({ env: { DATABASE_CONNECTIONS: '1', ...mailEnv(9) } });
  const { db, keyring } = own.app.deps;
  const totpKeys = keyring.keys('totp-secret');
  const { id } = await registerUser(own);
  const secret = encrypt(totpKeys, Buffer.from('a secret'), id);
  const columns = 'email, email_key, role, status, app_metadata, created_at, updated_at';
  const digits = '(select 0 d union select 1 union select 2 union select 3 union select 4)';
  const five = Array.from({ length: 5 }, (_, n) => `${digits} d${n}`).join();
  const newUuid =
    "unhex(concat(hex(random_bytes(6)), '7', substr(hex(random_bytes(2)), 2), '8', substr(hex(random_bytes(2)), 2), hex(random_bytes(6))))";
  // 3125 people, of whom 1250 have TOTP on, and as many mails, of which most were sent
  await runSql(
    own.databaseUrl,
    `insert into users (id, totp_secret, ${columns}) select ${newUuid}, if(d0.d < 2, ?, null),
      uuid(), uuid(), 'USER', 'ACTIVE', '{}', now(), now() from ${five}`,
    [secret],
  );
  const mail = encrypt(keyring.keys('mail'), Buffer.from('{}'), id);
  await runSql(
    own.databaseUrl,
    `insert into outbox (id, kind, state, attempts, created_at, due_at, envelope)
      select ${newUuid}, 'x', 'SENT', 1, now(), now(), if(d0.d = 0, ?, null) from ${five}`,
    [mail],
  );
  const rowsRead = async () => {
    const [rows] = await db.execute(
      sql`show session status where variable_name in ('Handler_read_next', 'Handler_read_rnd_next')`,
    );
    return (rows as unknown as { Value: string }[]).reduce((sum, { Value }) => sum + +Value, 0);
  };
  const before = await rowsRead();
  expect(await rewrapSecrets(own.app.deps)).toEqual({ signingKeys: 0, totpSecrets: 0, mails: 0 });
  expect((await rowsRead()) - before).toBeLessThan(1250 + 3125 + 200);
  await own.close();
});

it('moves mails that wait as well, and leaves alone what was sent', async () => {
  const writing = await createTestApp({
    databaseUrl: old.databaseUrl,
    env: { ...mailEnv(9), AUTH_SECRET: `${TEST_SECRET},${NEW_SECRET}` },
  });
  await runSql(old.databaseUrl, 'delete from outbox');
  for (let i = 0; i < 3; i++)
    await writeMail(writing, {
      kind: 'reset-password',
      token: 'a-token',
      expiresAt: Date.UTC(2200, 0),
    });
  const [, , sent] = await storedMails(old);
  await runSql(old.databaseUrl, "update outbox set state = 'SENT', envelope = null where id = ?", [
    sent?.id ?? null,
  ]);
  await writing.close();

  const both = await instance(`${NEW_SECRET},${TEST_SECRET}`);
  expect(await rewrapSecrets(both.app.deps)).toMatchObject({ mails: 2 });
  expect((await storedMails(old)).at(-1)).toMatchObject({ state: 'SENT', envelope: null });
  await both.close();

  const server = await startMailServer();
  const sending = await createTestApp({
    databaseUrl: old.databaseUrl,
    clock: old.clock,
    env: { AUTH_SECRET: NEW_SECRET, ...mailEnv(server.port) },
  });
  await deliverOnce(sending);
  expect(server.received).toHaveLength(2);
  for (const { mail } of server.received) expect(mail.text).toContain('#token=a-token');
  await sending.close();
  await server.close();
});

it('says which entry is missing instead of starting without it', async () => {
  await expect(instance('another-3b9e1d7c5f0a4286b4d8f2e6a0c17395')).rejects.toThrow('AUTH_SECRET');
});
