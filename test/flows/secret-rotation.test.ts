import { afterAll, beforeAll, expect, it } from 'vitest';
import { rewrapSecrets } from '../../src/flows/secret-rotation.ts';
import { completeLogin, enrolTotp, logIn, registerUser, totpCode } from '../support/account.ts';
import { createTestApp, TEST_SECRET, type TestApp } from '../support/app.ts';

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
  expect(await rewrapSecrets(both.app.deps)).toEqual({ signingKeys: 1, totpSecrets: 1 });
  expect(await rewrapSecrets(both.app.deps)).toEqual({ signingKeys: 0, totpSecrets: 0 });
  await both.close();

  const alone = await instance(NEW_SECRET);
  old.clock.advance(60);
  const { challenge } = await logIn(alone, { identifier: user.email });
  const code = totpCode(secret, old.clock.now());
  expect((await completeLogin(alone, challenge, code)).__typename).toBe('LoginSuccess');
  await alone.close();
});

it('says which entry is missing instead of starting without it', async () => {
  await expect(instance('another-3b9e1d7c5f0a4286b4d8f2e6a0c17395')).rejects.toThrow('AUTH_SECRET');
});
