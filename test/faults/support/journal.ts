import { expect } from 'vitest';
import {
  enrolTotp,
  isSignedIn,
  LOGIN,
  logIn,
  newName,
  PASSWORD,
  REFRESH,
  REGISTER,
  refresh,
  registerUser,
  type TestUser,
} from '../../support/account.ts';
import type { Answer, TestApp } from '../../support/app.ts';
import { runSql } from '../../support/database.ts';
import { tokenTo, verifyEmail } from '../../support/mailbox.ts';

/** Something that was asked for while something was broken, and how it has to turn out afterwards. */
export interface Entry {
  kind: string;
  /** What came back, with how long it took. */
  ask(app: TestApp): Promise<Outcome>;
  /** Looks through an instance that nothing is wrong with, whether it was done whole or not at all. */
  check(witness: TestApp, outcome: Outcome): Promise<void>;
}

export interface Outcome {
  /** The member of the union, or the code of the error. */
  told: string;
  isDone: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the operation answers with
  data: any;
  text: string;
  ms: number;
}

const UPDATE = `mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) { __typename ... on Error { code } }
}`;
const VERIFY = `mutation ($token: String!) {
  verifyEmail(input: { token: $token }) { __typename ... on Error { code } }
}`;

async function send(
  app: TestApp,
  query: string,
  variables: Record<string, unknown>,
  token?: string,
): Promise<Outcome> {
  const startedAt = performance.now();
  const response = await app.post({ query, variables }, token === undefined ? {} : { token });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as Answer;
  const [field] = Object.values(data ?? {}) as ({ __typename: string } | null)[];
  const told =
    errors === undefined
      ? (field?.__typename ?? 'nothing')
      : String(errors[0]?.extensions.code ?? 'no code');
  const isDone = errors === undefined && /Success$|^User$/.test(told);
  return { told, isDone, data: field, text, ms: performance.now() - startedAt };
}

/** One of each kind of request, each for a person of its own, who is made by the instance that nothing is wrong with. */
export async function newEntries(witness: TestApp): Promise<Entry[]> {
  const people = await Promise.all(Array.from({ length: 5 }, () => registerUser(witness)));
  const [reader, refresher, changer, confirmer, coder] = people as [
    TestUser,
    TestUser,
    TestUser,
    TestUser,
    TestUser,
  ];
  const { recoveryCodes } = await enrolTotp(witness, coder);
  const link = await tokenTo(witness, confirmer.email, 'verify-email');
  return [
    reading(reader),
    registering(),
    refreshing(refresher),
    changingPassword(changer),
    confirming(confirmer, link),
    usingCode(coder, recoveryCodes[0] ?? ''),
    signingOut(await registerUser(witness)),
  ];
}

function reading(user: TestUser): Entry {
  return {
    kind: 'me',
    ask: (app) => send(app, '{ me { __typename id } }', {}, user.accessToken),
    async check(witness, { told, data }) {
      // trouble never looks like being signed out
      if (told === 'User') expect(data.id).toBe(user.id);
      expect(told).not.toBe('nothing');
      expect(await isSignedIn(witness, user.accessToken)).toBe(true);
    },
  };
}

function registering(): Entry {
  const email = `${newName('fault')}@example.com`;
  return {
    kind: 'register',
    ask: (app) => send(app, REGISTER, { input: { email, password: PASSWORD } }),
    async check(witness, { isDone, data }) {
      const rows = await runSql<{ sessions: number; events: number; mails: number }>(
        witness.databaseUrl,
        `select (select count(*) from sessions where user_id = users.id) as sessions,
          (select count(*) from audit_events where user_id = users.id) as events,
          (select count(*) from outbox where user_id = users.id) as mails
         from users where email = ?`,
        [email],
      );
      // whole or not at all; and who was told so finds it so
      expect([[], [{ sessions: 1, events: 1, mails: 1 }]]).toContainEqual(rows);
      if (!isDone) return;
      expect(rows).toHaveLength(1);
      expect(await isSignedIn(witness, data.tokens.accessToken)).toBe(true);
      expect((await logIn(witness, { identifier: email })).__typename).toBe('LoginSuccess');
    },
  };
}

function refreshing(user: TestUser): Entry {
  return {
    kind: 'refresh',
    ask: (app) => send(app, REFRESH, { refreshToken: user.refreshToken }),
    async check(witness, { isDone, data }) {
      // asked again, as a client does that has lost the answer: the same successor, whatever became of it
      const again = await refresh(witness, user.refreshToken);
      expect(again.__typename).toBe('RefreshSuccess');
      if (isDone) expect(again.tokens.refreshToken).toBe(data.tokens.refreshToken);
      const [row] = await runSql<{ generation: number }>(
        witness.databaseUrl,
        'select generation from sessions where user_id = unhex(?)',
        [user.id.replaceAll('-', '')],
      );
      expect(row?.generation).toBe(1);
      const next = await refresh(witness, again.tokens.refreshToken);
      expect(next.__typename).toBe('RefreshSuccess');
    },
  };
}

function changingPassword(user: TestUser): Entry {
  const newPassword = 'another four words in a row';
  return {
    kind: 'password change',
    ask: (app) =>
      send(app, UPDATE, { input: { currentPassword: PASSWORD, newPassword } }, user.accessToken),
    async check(witness, { isDone }) {
      const signIn = async (password: string) =>
        (await logIn(witness, { identifier: user.email, password })).__typename === 'LoginSuccess';
      const [old, changed] = [await signIn(PASSWORD), await signIn(newPassword)];
      expect([old, changed].filter(Boolean)).toHaveLength(1);
      if (isDone) expect(changed).toBe(true);
      const told = (await mailKinds(witness, user)).filter((kind) => kind === 'password-changed');
      expect(told).toHaveLength(changed ? 1 : 0);
    },
  };
}

function confirming(user: TestUser, link: string): Entry {
  return {
    kind: 'link',
    ask: (app) => send(app, VERIFY, { token: link }, user.accessToken),
    async check(witness, { isDone }) {
      const times = async () => (await eventsOf(witness, user, 'EMAIL_VERIFIED')).length;
      const before = await times();
      expect(before).toBeLessThanOrEqual(1);
      if (isDone) expect(before).toBe(1);
      // what was not used can be, and only once
      const { __typename } = await verifyEmail(witness, link, user.accessToken);
      expect(__typename).toBe(before === 1 ? 'InvalidToken' : 'VerifyEmailSuccess');
      expect(await times()).toBe(1);
    },
  };
}

function usingCode(user: TestUser, code: string): Entry {
  const input = { identifier: user.email, password: PASSWORD, code };
  return {
    kind: 'recovery code',
    ask: (app) => send(app, LOGIN, { input }),
    async check(witness, { isDone }) {
      const times = async () => (await eventsOf(witness, user, 'RECOVERY_CODE_USED')).length;
      const before = await times();
      if (isDone) expect(before).toBe(1);
      const again = (await logIn(witness, input)).__typename;
      expect(again).toBe(before === 1 ? 'InvalidCode' : 'LoginSuccess');
      expect(await times()).toBe(1);
    },
  };
}

function signingOut(user: TestUser): Entry {
  return {
    kind: 'logout',
    ask: (app) => send(app, 'mutation { logout { __typename } }', {}, user.accessToken),
    async check(witness, { told }) {
      const isOut = !(await isSignedIn(witness, user.accessToken));
      if (told === 'LogoutPayload') expect(isOut).toBe(true);
      const events = await eventsOf(witness, user, 'LOGGED_OUT');
      expect(events).toHaveLength(isOut ? 1 : 0);
    },
  };
}

async function eventsOf(app: TestApp, user: TestUser, type: string) {
  return runSql(
    app.databaseUrl,
    'select id from audit_events where user_id = unhex(?) and type = ?',
    [user.id.replaceAll('-', ''), type],
  );
}

async function mailKinds(app: TestApp, user: TestUser): Promise<string[]> {
  const rows = await runSql<{ kind: string }>(
    app.databaseUrl,
    'select kind from outbox where user_id = unhex(?)',
    [user.id.replaceAll('-', '')],
  );
  return rows.map(({ kind }) => kind);
}
