import { afterAll, beforeAll, expect, it } from 'vitest';
import { idBytes, registerAdmin, registerUser, setRole } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const DASHBOARD = '{ admin { dashboard { users } } }';

async function denialsOf(user: { id: string }) {
  return runSql<{ ip_address: string; session_id: Buffer; request_id: string }>(
    app.databaseUrl,
    "select * from audit_events where type = 'ACCESS_DENIED' and user_id = ?",
    [idBytes(user.id)],
  );
}

it('puts on record who tried to administer, from where and in which session', async () => {
  const user = await registerUser(app);
  // of the same millisecond, events are in no order
  app.clock.advance(1);
  const sending = { token: user.accessToken, from: '192.0.2.66' };
  const { errors } = await app.gql(DASHBOARD, {}, sending);
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  const [denial, ...more] = await denialsOf(user);
  expect(more).toEqual([]);
  expect(denial?.ip_address).toBe('192.0.2.66');
  expect(denial?.session_id).toHaveLength(16);
  const { data } = await app.gql(
    '{ me { auditEvents { edges { node { type requestId } } } } }',
    {},
    sending,
  );
  expect(data.me.auditEvents.edges[0].node).toEqual({
    type: 'ACCESS_DENIED',
    requestId: denial?.request_id,
  });
});

it('does so once a minute, however often it is tried', async () => {
  const user = await registerUser(app);
  const fields = Array.from({ length: 10 }, (_, i) => `a${i}: admin { dashboard { users } }`);
  const tryAll = () => app.gql(`{ ${fields.join(' ')} }`, {}, { token: user.accessToken });
  await tryAll();
  await tryAll();
  expect(await denialsOf(user)).toHaveLength(1);
  app.clock.advance(61);
  await tryAll();
  expect(await denialsOf(user)).toHaveLength(2);
});

it('records nothing of administrators, of strangers, and of what everybody may do', async () => {
  const [admin, user] = [await registerAdmin(app), await registerUser(app)];
  const before = await runSql(app.databaseUrl, 'select id from audit_events');
  await app.gql(DASHBOARD, {}, { token: admin.accessToken });
  await app.gql(DASHBOARD);
  await app.gql(DASHBOARD, {}, { token: 'x.y.z' });
  await app.gql('{ me { id } }', {}, { token: user.accessToken });
  expect(await runSql(app.databaseUrl, 'select id from audit_events')).toEqual(before);
});

it('refuses a demoted administrator at the next request, and records that', async () => {
  const admin = await registerAdmin(app);
  const ask = () => app.gql(DASHBOARD, {}, { token: admin.accessToken });
  expect((await ask()).errors).toBeUndefined();
  await setRole(app, admin, 'USER');
  expect((await ask()).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  expect(await denialsOf(admin)).toHaveLength(1);
});
