import { afterAll, beforeAll, expect, it } from 'vitest';
import { countLiveSessions } from '../../src/records/session.ts';
import { idBytes, logIn, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

it('counts live sessions slice by slice, those that end at one moment too', async () => {
  const user = await registerUser(app);
  for (let i = 0; i < 6; i++) {
    // three pairs that end together, and the two kinds apart
    if (i % 2 === 0) app.clock.advance(1);
    await logIn(app, { identifier: user.email, remember: i < 2 });
  }
  const id = `x'${idBytes(user.id).toString('hex')}'`;
  await runSql(
    app.databaseUrl,
    `update sessions set ended_at = created_at where user_id = ${id} order by created_at limit 1`,
  );
  const count = (slice?: number) => countLiveSessions(app.app.deps.db, app.clock.now(), slice);
  const all = await count();
  expect(all).toBe(6);
  for (const slice of [1, 2, 3, 4, 6, 7]) expect(await count(slice), `by ${slice}`).toBe(all);
  app.clock.advance(25 * 60 * 60);
  expect(await count(1)).toBe(2);
});
