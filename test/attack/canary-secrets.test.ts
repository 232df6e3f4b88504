import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MailKind } from '../../src/mail/message.ts';
import {
  newName,
  nextTotpCode,
  setRole,
  storedValues,
  totpCode,
  wrongTotpCode,
} from '../support/account.ts';
import { type Answer, createTestApp, type Sending, type TestApp } from '../support/app.ts';
import { requestReset, tokenTo } from '../support/mailbox.ts';

const lines: string[] = [];
const logger = pino(
  { level: 'debug', base: null },
  { write: (line: string) => void lines.push(line) },
);

/** Every secret that there was, and the answers that handed it out; none for what a person typed. */
const secrets = new Map<string, { what: string; handedOutBy: Set<string> }>();
const answers = new Map<string, string>();

let app: TestApp;
let n = 0;

const ERROR = '__typename ... on Error { code message }';
const INVALID = '... on InvalidInput { fields { path message } }';
const TOKENS = 'tokens { accessToken refreshToken deviceToken }';
const ME = `{ me { id email phrase role status appMetadata dataExport recoveryCodesRemaining sessions { id userAgent ipAddress }
  auditEvents(first: 100) { edges { node { id type detail userAgent ipAddress } } } } }`;

/** A secret that a person types; it must never be seen again. */
function typed(what: string, value = `canary ${++n} ${newName('pw')}`): string {
  secrets.set(value, { what, handedOutBy: new Set() });
  return value;
}

async function send(query: string, input?: object, sending?: Sending): Promise<Answer['data']> {
  const name = `answer ${++n}`;
  const response = await app.post({ query, variables: { input } }, sending);
  const text = await response.text();
  answers.set(name, text + JSON.stringify([...response.headers]));
  const { data } = JSON.parse(text) as Answer;
  remember(data, name);
  return data;
}

// the fields that are there to hand a secret out
const HANDED_OUT = /^(?:accessToken|refreshToken|deviceToken|challenge|secret|recoveryCodes)$/;

function remember(value: unknown, answer: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (HANDED_OUT.test(key)) {
      for (const secret of [inner].flat()) {
        if (typeof secret !== 'string') continue;
        const known = secrets.get(secret) ?? { what: key, handedOutBy: new Set() };
        secrets.set(secret, known);
        known.handedOutBy.add(answer);
      }
    } else {
      remember(inner, answer);
    }
  }
}

const mutation = (field: string, type: string, selection: string) =>
  `mutation ($input: ${type}Input!) { ${field}(input: $input) { ${ERROR} ${selection} } }`;

const REGISTER = mutation(
  'register',
  'Register',
  `${INVALID} ... on RegisterSuccess { user { id } ${TOKENS} }`,
);
const LOGIN = mutation(
  'login',
  'Login',
  `... on LoginSuccess { user { id } ${TOKENS} } ... on MfaRequired { challenge }`,
);
const COMPLETE = mutation(
  'completeLogin',
  'CompleteLogin',
  `... on LoginSuccess { user { id } ${TOKENS} }`,
);
const REFRESH = mutation('refresh', 'Refresh', `... on RefreshSuccess { user { id } ${TOKENS} }`);
const UPDATE = mutation(
  'updateProfile',
  'UpdateProfile',
  `${INVALID} ... on UpdateProfileSuccess { ${TOKENS} }`,
);
const ENABLE = mutation('enableTotp', 'EnableTotp', '... on EnableTotpSuccess { secret }');
const CONFIRM = mutation(
  'confirmTotp',
  'ConfirmTotp',
  '... on ConfirmTotpSuccess { recoveryCodes }',
);
const REGENERATE = mutation(
  'regenerateRecoveryCodes',
  'RegenerateRecoveryCodes',
  '... on RegenerateRecoveryCodesSuccess { recoveryCodes }',
);
const DISABLE = mutation('disableTotp', 'DisableTotp', '');
const DELETE = mutation('deleteAccount', 'DeleteAccount', INVALID);
const RESET = mutation('resetPassword', 'ResetPassword', INVALID);
const VERIFY = mutation(
  'verifyEmail',
  'VerifyEmail',
  '... on VerifyEmailSuccess { user { id email phrase } }',
);
const CREATE = mutation(
  'createUser',
  'CreateUser',
  `${INVALID} ... on CreateUserSuccess { user { id } }`,
);

beforeAll(async () => {
  app = await createTestApp({ overrides: { logger } });
  await runAllFlows();
}, 60_000);
afterAll(() => app.close());

async function runAllFlows(): Promise<void> {
  const user = await signUp();
  await signInAndRefresh(user);
  const password = await changePassword(user);
  await useTotp({ ...user, password });
  await administer();
  await failInEveryWay(user);
  await useLinks();
}

/** A link of every kind, used where it belongs and presented where it does not. */
async function useLinks(): Promise<void> {
  const user = await signUp();
  const verifying = await linkTo(user.email, 'verify-email');
  await send(VERIFY, { token: verifying }, { token: user.token });
  const moved = `${newName()}@example.org`;
  const change = { newEmail: moved, currentPassword: user.password };
  await send(UPDATE, change, { token: user.token });
  await send(VERIFY, { token: await linkTo(moved, 'confirm-email-change') });
  await send(VERIFY, { token: await linkTo(user.email, 'email-changed') });
  const resetting = await linkTo(user.email, 'reset-password');
  await send(RESET, { token: resetting, newPassword: 'short' });
  await send(RESET, { token: resetting, newPassword: typed('a password by a link') });
  await send(RESET, { token: resetting, newPassword: typed('a password by a dead link') });
  await requestReset(app, user.email);
  const waiting = await linkTo(user.email, 'reset-password');
  await send(LOGIN, { identifier: user.email, password: waiting, deviceToken: waiting });
  await send(VERIFY, { token: waiting });
}

async function linkTo(email: string, kind: MailKind): Promise<string> {
  const token = await tokenTo(app, email, kind);
  secrets.set(token, { what: 'a link', handedOutBy: new Set() });
  return token;
}

interface Person {
  email: string;
  username: string;
  password: string;
  id: string;
  token: string;
  refreshToken: string;
  deviceToken: string;
}

async function signUp(): Promise<Person> {
  const username = newName();
  const names = { email: `${username}@example.com`, username };
  const password = typed('a password');
  const { register } = await send(REGISTER, { ...names, password, phrase: 'seven sleepy seals' });
  expect(register.__typename).toBe('RegisterSuccess');
  const { accessToken, refreshToken, deviceToken } = register.tokens;
  return {
    ...names,
    password,
    id: register.user.id,
    token: accessToken,
    refreshToken,
    deviceToken,
  };
}

async function signInAndRefresh({ email, password, refreshToken, deviceToken }: Person) {
  const headers = { 'user-agent': 'canary browser', 'x-forwarded-for': '192.0.2.1' };
  await send(LOGIN, { identifier: email, password, deviceToken }, { headers });
  await send(LOGIN, { identifier: email, password: typed('a wrong password') });
  await send(LOGIN, { identifier: typed('a password typed for a name'), password });
  const first = await send(REFRESH, { refreshToken });
  const { tokens } = first.refresh;
  await send(REFRESH, { refreshToken: tokens.refreshToken });
  app.clock.advance(60);
  // an old one, as a thief would
  expect((await send(REFRESH, { refreshToken })).refresh.__typename).toBe('RefreshTokenReused');
}

async function changePassword(user: Person): Promise<string> {
  const { login } = await send(LOGIN, { identifier: user.email, password: user.password });
  user.token = login.tokens.accessToken;
  const newPassword = typed('a new password');
  const sending = { token: user.token };
  const wrong = typed('a wrong current password');
  await send(
    UPDATE,
    { newPassword: typed('a new password in vain'), currentPassword: wrong },
    sending,
  );
  const changed = await send(UPDATE, { newPassword, currentPassword: user.password }, sending);
  expect(changed.updateProfile.__typename).toBe('UpdateProfileSuccess');
  user.token = changed.updateProfile.tokens.accessToken;
  await send(UPDATE, { newPassword: 'x', currentPassword: newPassword }, { token: user.token });
  return newPassword;
}

async function useTotp({ email, password, token }: Person): Promise<void> {
  const sending = { token };
  const { enableTotp } = await send(ENABLE, { currentPassword: password }, sending);
  const { secret } = enableTotp;
  const code = totpCode(secret, app.clock.now());
  const { confirmTotp } = await send(CONFIRM, { code }, sending);
  const [first, second] = confirmTotp.recoveryCodes;
  const challenge = async () =>
    (await send(LOGIN, { identifier: email, password })).login.challenge;
  const wrong = wrongTotpCode(app, secret);
  await send(COMPLETE, { challenge: await challenge(), code: wrong });
  await send(COMPLETE, { challenge: await challenge(), code: nextTotpCode(app, secret) });
  const done = await send(COMPLETE, { challenge: await challenge(), code: first });
  expect(done.completeLogin.__typename).toBe('LoginSuccess');
  await send(LOGIN, { identifier: email, password, code: second });
  const both = { currentPassword: password, code: nextTotpCode(app, secret) };
  await send(REGENERATE, both, sending);
  await send(ME, undefined, sending);
  await send(DISABLE, { currentPassword: password, code: nextTotpCode(app, secret) }, sending);
  // a second secret, left waiting for its code
  await send(ENABLE, { currentPassword: password }, sending);
}

async function administer(): Promise<void> {
  const admin = await signUp();
  await setRole(app, admin, 'ADMIN');
  const sending = { token: admin.token };
  const email = `${newName()}@example.com`;
  const { createUser } = await send(
    CREATE,
    { email, password: typed('a first password') },
    sending,
  );
  const { id } = createUser.user;
  await send(CREATE, { email, password: typed('a first password in vain') }, sending);
  await send(`mutation { resetUserTotp(id: "${id}") { __typename } }`, undefined, sending);
  await send(`mutation { unlockUser(id: "${id}") { __typename } }`, undefined, sending);
  await send(`mutation { deleteUser(id: "${id}") { __typename } }`, undefined, sending);
  const audit =
    '{ admin { auditEvents(first: 100) { edges { node { type detail userAgent } } } users(first: 100) { edges { node { email username phrase appMetadata } } } } }';
  await send(audit, undefined, sending);
}

async function failInEveryWay(user: Person): Promise<void> {
  const leaving = await signUp();
  const currentPassword = typed('a wrong password at the end');
  await send(DELETE, { confirm: true, currentPassword }, { token: leaving.token });
  await send(
    DELETE,
    { confirm: true, currentPassword: leaving.password },
    { token: leaving.token },
  );
  await send('mutation { logout { endedSessions } }', undefined, { token: user.token });
  // in places where they do not belong
  const password = typed('a password in a wrong place');
  await send(LOGIN, { password, identifier: [password] });
  await send(`mutation { login(input: { identifier: "x", password: "${password}" }) { x } }`);
  await send(`query ${password.replaceAll(' ', '')} { "${password} }`);
  await send('{ me { id } }', undefined, { token: password.replaceAll(' ', '') });
  await send('{ me { id } }', undefined, { headers: { authorization: `Basic ${btoa(password)}` } });
  await send('{ me { id } }', undefined, { headers: { cookie: `latchkey-access=${user.token}` } });
  await app.app.fetch(`http://localhost:4000/graphql?query={me{id}}&token=${user.token}`);
  await app.app.fetch(`http://localhost:4000/reset?token=${encodeURIComponent(password)}`);
}

/** The forms in which a secret could be written down. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('base64'),
  ];
}

it('there were secrets of every kind', () => {
  const kinds = new Set([...secrets.values()].map(({ what }) => what));
  for (const kind of [
    'a password',
    'a new password',
    'accessToken',
    'refreshToken',
    'deviceToken',
    'challenge',
    'secret',
    'recoveryCodes',
    'a link',
  ]) {
    expect(kinds).toContain(kind);
  }
  expect(secrets.size).toBeGreaterThan(50);
  expect(lines.length).toBeGreaterThan(40);
});

it('16.2.5: none is in a line of the log', () => {
  const log = lines.join('');
  for (const [secret, { what }] of secrets) {
    for (const form of forms(secret)) {
      if (log.includes(form)) expect.fail(`the log holds ${what}`);
    }
  }
});

it('6.5.2: none is in any column of any table', async () => {
  const stored = await storedValues(app);
  expect(stored.length).toBeGreaterThan(200);
  for (const { place, bytes } of stored) {
    for (const [secret, { what }] of secrets) {
      for (const form of forms(secret)) {
        if (bytes.includes(form)) expect.fail(`${place} holds ${what}`);
      }
    }
    // nor the bytes that a secret in base32, or a recovery code without its dashes, is made of
    for (const [secret, { what }] of secrets) {
      if (what === 'recoveryCodes' && bytes.includes(secret.replaceAll('-', ''))) {
        expect.fail(`${place} holds ${what}`);
      }
    }
  }
});

it('none is in any answer but those that hand it out', () => {
  for (const [secret, { what, handedOutBy }] of secrets) {
    for (const [name, text] of answers) {
      if (handedOutBy.has(name) || !text.includes(secret)) continue;
      expect.fail(`${name} holds ${what}: ${text.slice(0, 300)}`);
    }
  }
});

it('what was handed out in a header or a picture is accounted for too', () => {
  for (const text of answers.values()) expect(text).not.toMatch(/\$argon2|passwordHash|totpSecret/);
  expect(lines.join('')).not.toMatch(/\$argon2|eyJ[\w-]{10}|otpauth:|canary \d/);
});
