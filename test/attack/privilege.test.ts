import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  idBytes,
  isSignedIn,
  newName,
  PASSWORD,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
} from '../support/account.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Runs an attack and fails when anything in the database is different afterwards but that it is on record. */
async function changingNothing<T>(attack: () => Promise<T>): Promise<T> {
  const tables =
    'users, pending_registrations, sessions, recovery_codes, totp_enrolments, login_challenges, attempt_counters';
  const acts = "select count(*) from audit_events where type <> 'ACCESS_DENIED'";
  const checksum = async () => [
    await runSql(app.databaseUrl, `checksum table ${tables}`),
    await runSql(app.databaseUrl, acts),
  ];
  const before = await checksum();
  const result = await attack();
  expect(await checksum()).toEqual(before);
  return result;
}

const ask = (query: string, user?: { accessToken: string }, variables?: Record<string, unknown>) =>
  app.gql(query, variables, user === undefined ? {} : { token: user.accessToken });

const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code;

describe('A1: nobody gives themselves what is not theirs to give', () => {
  const FOREIGN = {
    role: 'ADMIN',
    status: 'ACTIVE',
    id: '01900000-0000-7000-8000-000000000000',
    emailVerified: true,
    emailVerifiedAt: '2026-01-01T00:00:00.000Z',
    totpEnabled: false,
    passwordHash: '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA',
    password_hash: 'x',
    appMetadata: { plan: 'enterprise' },
    pendingEmail: 'x@example.com',
    createdAt: '2000-01-01T00:00:00.000Z',
    userId: '01900000-0000-7000-8000-000000000000',
    user: { role: 'ADMIN' },
  };

  it.each(Object.entries(FOREIGN))('%s at registration', async (key, value) => {
    const input = { email: `${newName()}@example.com`, password: PASSWORD, [key]: value };
    const query = 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';
    const answer = await changingNothing(() => ask(query, undefined, { input }));
    expect(answer.data ?? null).toBeNull();
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  });

  it.each(Object.entries(FOREIGN))('%s in the profile', async (key, value) => {
    const user = await registerUser(app);
    const input = { displayName: 'x', [key]: value };
    const query =
      'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }';
    const answer = await changingNothing(() => ask(query, user, { input }));
    expect(answer.data ?? null).toBeNull();
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  });

  it('variables that no operation declares change nothing', async () => {
    const email = `${newName()}@example.com`;
    const query =
      'mutation ($input: RegisterInput!) { register(input: $input) { ... on RegisterSuccess { user { role emailVerified appMetadata } } } }';
    const variables = {
      input: { email, password: PASSWORD },
      role: 'ADMIN',
      user: { role: 'ADMIN' },
    };
    const { data } = await ask(query, undefined, variables);
    expect(data.register.user).toEqual({ role: 'USER', emailVerified: false, appMetadata: {} });
  });
});

const ADMINISTER: [string, (id: string) => string][] = [
  ['createUser', () => `createUser(input: { email: "${newName()}@example.com", role: ADMIN })`],
  ['updateUser', (id) => `updateUser(input: { id: "${id}", role: ADMIN })`],
  ['updateUser of metadata', (id) => `updateUser(input: { id: "${id}", appMetadata: { a: 1 } })`],
  ['deleteUser', (id) => `deleteUser(id: "${id}")`],
  ['unlockUser', (id) => `unlockUser(id: "${id}")`],
  ['revokeUserSessions', (id) => `revokeUserSessions(id: "${id}")`],
  ['resetUserTotp', (id) => `resetUserTotp(id: "${id}")`],
];

describe.each(ADMINISTER)('8.2.1: %s', (_name, field) => {
  it('is for administrators only, also upon oneself', async () => {
    const [user, other] = [await registerUser(app), await registerUser(app)];
    for (const id of [user.id, other.id, 'x']) {
      const query = `mutation { ${field(id)} { __typename } }`;
      expect(codeOf(await changingNothing(() => ask(query)))).toBe('UNAUTHENTICATED');
      expect(codeOf(await changingNothing(() => ask(query, user)))).toBe('FORBIDDEN');
    }
  });
});

describe('A2: the last active administrator', () => {
  let one: TestUser;
  let two: TestUser;
  beforeEach(async () => {
    await runSql(app.databaseUrl, "update users set role = 'USER'");
    [one, two] = [await registerAdmin(app), await registerAdmin(app)];
  });

  const REMOVALS: [string, (id: string) => string][] = [
    ['a demotion', (id) => `updateUser(input: { id: "${id}", role: USER })`],
    ['disabling', (id) => `updateUser(input: { id: "${id}", status: DISABLED })`],
    ['a deletion', (id) => `deleteUser(id: "${id}")`],
  ];

  const remove = async (by: TestUser, removal: string) => {
    const answer = await ask(`mutation { r: ${removal} { __typename } }`, by);
    return answer.data?.r?.__typename ?? codeOf(answer);
  };

  async function activeAdmins(): Promise<number> {
    const sql = "select count(*) as n from users where role = 'ADMIN' and status = 'ACTIVE'";
    const [row] = await runSql<{ n: number }>(app.databaseUrl, sql);
    return Number(row?.n);
  }

  it.each(REMOVALS)('does not go by %s of their own', async (_what, removal) => {
    for (const id of [one.id, one.id.toUpperCase()]) {
      expect(await remove(one, removal(id))).toBe('SelfTargeted');
    }
    expect(await activeAdmins()).toBe(2);
  });

  it.each(REMOVALS)(
    'is left when two remove each other at the same moment by %s',
    async (_what, removal) => {
      for (let round = 0; round < 3; round++) {
        const outcomes = await Promise.all([
          remove(one, removal(two.id)),
          remove(two, removal(one.id)),
          remove(one, removal(two.id.toUpperCase())),
        ]);
        expect(outcomes.filter((name) => String(name).endsWith('Success')).length).toBeGreaterThan(
          0,
        );
        expect(await activeAdmins()).toBe(1);
        [one, two] = [await registerAdmin(app), await registerAdmin(app)];
        const sql = "update users set role = 'USER' where id not in (?, ?)";
        await runSql(app.databaseUrl, sql, [idBytes(one.id), idBytes(two.id)]);
      }
    },
  );

  it('is left when one deletes their own account while the other demotes them', async () => {
    const leave = async (admin: TestUser) => {
      const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
      const answer = await ask(query, admin);
      return answer.data?.deleteAccount?.__typename ?? codeOf(answer);
    };
    await Promise.all([leave(one), leave(two), remove(one, `deleteUser(id: "${two.id}")`)]);
    expect(await activeAdmins()).toBe(1);
  });

  it('has a disabled administrator not counted as one', async () => {
    await remove(one, `updateUser(input: { id: "${two.id}", status: DISABLED })`);
    const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
    expect((await ask(query, one)).data.deleteAccount.__typename).toBe('LastAdmin');
    expect(await activeAdmins()).toBe(1);
  });
});

describe('A3: a right that was taken away', () => {
  it('is gone at the next request, with the access token that still names it', async () => {
    const [boss, admin, victim] = [
      await registerAdmin(app),
      await registerAdmin(app),
      await registerUser(app),
    ];
    expect((await ask('{ admin { dashboard { users } } }', admin)).errors).toBeUndefined();
    await ask(
      `mutation { updateUser(input: { id: "${admin.id}", role: USER }) { __typename } }`,
      boss,
    );
    for (const [, field] of ADMINISTER) {
      const query = `mutation { ${field(victim.id)} { __typename } }`;
      expect(codeOf(await changingNothing(() => ask(query, admin)))).toBe('FORBIDDEN');
    }
    expect(codeOf(await ask('{ admin { dashboard { users } } }', admin))).toBe('FORBIDDEN');
    expect(await isSignedIn(app, admin.accessToken)).toBe(true);
  });

  it('is not given by the role in a token: the database decides', async () => {
    const user = await registerUser(app);
    await setRole(app, user, 'ADMIN');
    expect((await ask('{ admin { dashboard { users } } }', user)).errors).toBeUndefined();
    await setRole(app, user, 'USER');
    expect(codeOf(await ask('{ admin { dashboard { users } } }', user))).toBe('FORBIDDEN');
  });

  it('of a disabled account ends every session', async () => {
    const [boss, admin] = [await registerAdmin(app), await registerAdmin(app)];
    await ask(
      `mutation { updateUser(input: { id: "${admin.id}", status: DISABLED }) { __typename } }`,
      boss,
    );
    expect(await isSignedIn(app, admin.accessToken)).toBe(false);
    expect(codeOf(await ask('{ admin { dashboard { users } } }', admin))).toBe('UNAUTHENTICATED');
  });
});

describe('A4: ids of others', () => {
  it("somebody else's session is as little there as one that never was", async () => {
    const [me, other] = [await registerUser(app), await registerUser(app)];
    const { data } = await ask('{ me { sessions { id } } }', other);
    const revoke = async (id: string) => {
      const query =
        'mutation ($id: ID!) { revokeSession(id: $id) { ... on Error { code message } } }';
      return JSON.stringify(await changingNothing(() => ask(query, me, { id })));
    };
    const never = await revoke('01900000-0000-7000-8000-000000000000');
    expect(never).toContain('NOT_FOUND');
    for (const id of [
      data.me.sessions[0].id,
      data.me.sessions[0].id.toUpperCase(),
      other.id,
      me.id,
    ]) {
      expect(await revoke(id)).toBe(never);
    }
  });

  it('no field of a signed-in user takes the id of another', async () => {
    const { data } = await app.gql('{ __schema { queryType { fields { name args { name } } } } }');
    const fields: { name: string; args: { name: string }[] }[] = data.__schema.queryType.fields;
    const withId = fields.filter(({ args }) => args.some(({ name }) => /id$/i.test(name)));
    expect(withId).toEqual([]);
  });

  it('a cursor of a list opens no other list', async () => {
    const [me, other] = [await registerUser(app), await registerUser(app)];
    const events = '{ me { auditEvents { edges { cursor node { id userId } } } } }';
    const [edge] = (await ask(events, other)).data.me.auditEvents.edges;
    const query =
      'query ($after: String) { me { auditEvents(after: $after) { edges { node { userId } } } } }';
    const { data } = await ask(query, me, { after: edge.cursor });
    for (const { node } of data.me.auditEvents.edges) expect(node.userId).toBe(me.id);
  });

  it("an administrator sees others' data, but not what is their owner's alone", async () => {
    const [admin, user] = [await registerAdmin(app), await registerUser(app, { phrase: 'seals' })];
    const one = await ask(`{ admin { user(id: "${user.id}") { email phrase } } }`, admin);
    expect(one.data.admin.user).toEqual({ email: user.email, phrase: null });
    const all = await ask(`{ admin { user(id: "${user.id}") { dataExport } } }`, admin);
    expect(codeOf(all)).toBe('FORBIDDEN');
    expect(JSON.stringify(all)).not.toContain('seals');
  });
});

describe('A5: without a session', () => {
  const OWN = [
    ['revokeSession', 'revokeSession(id: "ID")'],
    ['enableTotp', `enableTotp(input: { currentPassword: "${PASSWORD}" })`],
    ['confirmTotp', 'confirmTotp(input: { code: "000000" })'],
    ['disableTotp', `disableTotp(input: { currentPassword: "${PASSWORD}", code: "000000" })`],
    [
      'regenerateRecoveryCodes',
      `regenerateRecoveryCodes(input: { currentPassword: "${PASSWORD}", code: "000000" })`,
    ],
    ['updateProfile', 'updateProfile(input: { displayName: "x" })'],
    ['deleteAccount', `deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" })`],
  ] as const;

  it.each(OWN)('%s is nobody’s, whatever names a user', async (_name, field) => {
    const user = await registerUser(app);
    const query = `mutation { ${field.replace('ID', user.id)} { __typename } }`;
    const extra = { userId: user.id, user: { id: user.id }, sub: user.id };
    for (const headers of [
      {},
      { 'x-user-id': user.id },
      { authorization: `Bearer ${user.id}` },
      { authorization: `Basic ${btoa(`${user.email}:${PASSWORD}`)}` },
      { authorization: `Bearer ${user.refreshToken}` },
      { authorization: `Bearer ${user.deviceToken}` },
    ]) {
      const hashes = app.hashes();
      const response = await changingNothing(() =>
        app.post(
          { query, variables: extra, extensions: extra, ...extra },
          { headers: headers as Record<string, string> },
        ),
      );
      expect(codeOf((await response.json()) as Answer)).toBe('UNAUTHENTICATED');
      expect(app.hashes()).toBe(hashes);
    }
  });

  it('every mutation that is not for strangers is listed here', async () => {
    const { data } = await app.gql('{ __schema { mutationType { fields { name } } } }');
    const names: string[] = data.__schema.mutationType.fields.map(
      ({ name }: { name: string }) => name,
    );
    const own: string[] = OWN.map(([name]) => name);
    const forAdmins = ADMINISTER.map(([name]) => name);
    const rest = names.filter((name) => !own.includes(name) && !forAdmins.includes(name));
    const forStrangers =
      /^(register|login|completeLogin|refresh|logout|request|confirm|verify|resend|reset)/;
    expect(rest.filter((name) => !forStrangers.test(name))).toEqual([]);
  });
});

describe('X1: an account that was deleted', () => {
  it('leaves its address to the next, who is somebody else altogether', async () => {
    const gone = await registerUser(app, { phrase: 'the old phrase' });
    await setRole(app, gone, 'ADMIN');
    await registerAdmin(app);
    const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
    expect((await ask(query, gone)).data.deleteAccount.__typename).toBe('DeleteAccountSuccess');
    const heir = await registerUser(app, { email: gone.email, username: gone.username });
    expect(heir.id).not.toBe(gone.id);
    const fields =
      '{ me { role phrase totpEnabled sessions { current } auditEvents { edges { node { type } } } } }';
    const { data } = await ask(fields, heir);
    expect(data.me).toEqual({
      role: 'USER',
      phrase: null,
      totpEnabled: false,
      sessions: [{ current: true }],
      auditEvents: { edges: [{ node: { type: 'REGISTERED' } }] },
    });
    expect(await isSignedIn(app, gone.accessToken)).toBe(false);
    const refreshed = await app.gql(
      `mutation { refresh(input: { refreshToken: "${gone.refreshToken}" }) { __typename } }`,
    );
    expect(refreshed.data.refresh.__typename).toBe('InvalidRefreshToken');
  });
});
