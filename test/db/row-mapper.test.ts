import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtOnce } from '../../src/db/prepared-query.ts';
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
};

it.each(Object.entries(queries))('makes of %s what Drizzle makes', async (_name, query) => {
  const [expected] = await query().execute();
  const [mapped] = await builtOnce<object[]>(query)(app.app.deps.db).execute({});
  expect(expected).toBeDefined();
  expect(mapped).toEqual(expected);
});

it('refuses what may have no row, rather than make one of nothing', async () => {
  const query = builtOnce((db) =>
    db
      .select({ id: users.id, enrolment: totpEnrolments })
      .from(users)
      .leftJoin(totpEnrolments, eq(totpEnrolments.userId, users.id))
      .prepare(),
  );
  expect(() => query(app.app.deps.db).execute({})).toThrow('Not a plain selection');
});
