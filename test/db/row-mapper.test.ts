import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mapRowsFast } from '../../src/db/row-mapper.ts';
import { sessions, totpEnrolments, users } from '../../src/db/schema.ts';
import { registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await registerUser(app);
});
afterAll(() => app.close());

const queries = {
  'a plain selection': () => app.app.deps.db.select().from(users).prepare(),
  'columns of two tables': () =>
    app.app.deps.db
      .select({ session: sessions, user: users, known: sql<boolean>`1`.mapWith(Boolean) })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .prepare(),
  'a table that may have nothing for a row': () =>
    app.app.deps.db
      .select({ id: users.id, enrolment: totpEnrolments })
      .from(users)
      .leftJoin(totpEnrolments, eq(totpEnrolments.userId, users.id))
      .prepare(),
};

it.each(Object.entries(queries))('makes of %s what Drizzle makes', async (_name, query) => {
  const [expected] = await query().execute();
  const [mapped] = await mapRowsFast<{ execute(): Promise<object[]> }>(query()).execute();
  expect(expected).toBeDefined();
  expect(mapped).toEqual(expected);
});

it('is what takes the place of Drizzle’s way', () => {
  expect(mapRowsFast(queries['a plain selection']())).toHaveProperty(
    'customResultMapper',
    expect.any(Function),
  );
});
