import { createHmac, randomBytes } from 'node:crypto';
import { stringify as stringifyUuid } from 'uuid';
import type { TestApp } from './app.ts';
import { runSql } from './database.ts';

export const PASSWORD = 'four words in a row';

/** The fields of every failure. */
export const FAILURE = '... on Error { __typename code message }';

/** The fields of a failure that may be `InvalidInput`. */
export const INPUT_FAILURE = `${FAILURE} ... on InvalidInput { fields { path message } }`;

export const TOKENS =
  'tokens { accessToken refreshToken tokenType expiresAt refreshExpiresAt deviceToken }';

export const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) { __typename ... on RegisterSuccess { user { id } ${TOKENS} } ${INPUT_FAILURE} }
}`;

export const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess { user { id } ${TOKENS} }
    ... on MfaRequired { challenge methods expiresAt }
    ... on AccountLocked { retryAfter }
    ${FAILURE}
  }
}`;

export const COMPLETE_LOGIN = `mutation ($input: CompleteLoginInput!) {
  completeLogin(input: $input) {
    __typename ... on LoginSuccess { user { id } ${TOKENS} } ${FAILURE}
  }
}`;

export const REFRESH = `mutation ($refreshToken: String) {
  refresh(input: { refreshToken: $refreshToken }) {
    __typename ... on RefreshSuccess { user { id } ${TOKENS} } ${FAILURE}
  }
}`;

export const ENABLE_TOTP = `mutation ($currentPassword: String!) {
  enableTotp(input: { currentPassword: $currentPassword }) {
    __typename ... on EnableTotpSuccess { secret uri qrCode } ${FAILURE}
  }
}`;

export const CONFIRM_TOTP = `mutation ($code: String!) {
  confirmTotp(input: { code: $code }) {
    __typename ... on ConfirmTotpSuccess { recoveryCodes user { totpEnabled } } ${FAILURE}
  }
}`;

/** A registered and signed-in user. */
export interface TestUser {
  id: string;
  email: string;
  username: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  deviceToken: string;
}

/** A unique name. */
export function newName(prefix = 'ada'): string {
  return `${prefix}${randomBytes(5).toString('hex')}`;
}

export async function registerUser(
  { gql }: TestApp,
  input: Record<string, unknown> = {},
): Promise<TestUser> {
  const username = newName();
  const given = { email: `${username}@example.com`, username, password: PASSWORD, ...input };
  const { data } = await gql(REGISTER, { input: given });
  if (data?.register.__typename !== 'RegisterSuccess') {
    throw new Error(`Not registered: ${JSON.stringify(data)}`);
  }
  return { ...given, id: data.register.user.id, ...data.register.tokens };
}

export async function logIn(app: TestApp, input: Record<string, unknown>, from?: string) {
  const sending = from === undefined ? {} : { from };
  const answer = await app.gql(LOGIN, { input: { password: PASSWORD, ...input } }, sending);
  return answer.data?.login ?? answer;
}

export async function completeLogin(app: TestApp, challenge: string, code: string) {
  const answer = await app.gql(COMPLETE_LOGIN, { input: { challenge, code } });
  return answer.data?.completeLogin ?? answer;
}

export async function refresh(app: TestApp, refreshToken: string) {
  const answer = await app.gql(REFRESH, { refreshToken });
  return answer.data?.refresh ?? answer;
}

/** Whether an access token is still valid. */
export async function isSignedIn({ gql }: TestApp, token: string): Promise<boolean> {
  const { data } = await gql('{ me { id } }', {}, { token });
  return data.me !== null;
}

/** Turns TOTP on for a user. @returns the secret and the recovery codes */
export async function enrolTotp(
  app: TestApp,
  user: TestUser,
): Promise<{ secret: string; recoveryCodes: string[] }> {
  const token = user.accessToken;
  const enabled = await app.gql(ENABLE_TOTP, { currentPassword: user.password }, { token });
  const { secret } = enabled.data.enableTotp;
  const code = totpCode(secret, app.clock.now());
  const confirmed = await app.gql(CONFIRM_TOTP, { code }, { token });
  return { secret, recoveryCodes: confirmed.data.confirmTotp.recoveryCodes };
}

/** The code that an authenticator app would show, implemented from RFC 6238 without the library that the service uses. */
export function totpCode(secret: string, at: Date): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at.getTime() / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** A UUID as its stored bytes. */
export function idBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

/** Stored bytes as a UUID. @throws if they are not a UUID */
export function idOf(bytes: Uint8Array | undefined): string {
  return stringifyUuid(bytes ?? new Uint8Array());
}

/** Changes a user's role directly in the database, as an operator could. */
export async function setRole(app: TestApp, user: { id: string }, role: string): Promise<void> {
  await runSql(app.databaseUrl, 'update users set role = ? where id = ?', [role, idBytes(user.id)]);
}

export async function registerAdmin(app: TestApp): Promise<TestUser> {
  const admin = await registerUser(app);
  await setRole(app, admin, 'ADMIN');
  return admin;
}

/** A TOTP code for an unused time step: advances the clock by one step. */
export function nextTotpCode(app: TestApp, secret: string): string {
  app.clock.advance(30);
  return totpCode(secret, app.clock.now());
}

/** Six digits that are not a valid code for this secret around now. */
export function wrongTotpCode(app: TestApp, secret: string): string {
  const now = app.clock.now().getTime();
  const right = [-90, -60, -30, 0, 30, 60, 90].map((seconds) =>
    totpCode(secret, new Date(now + seconds * 1000)),
  );
  return ['000000', '111111', '222222', '333333', '444444', '555555', '666666', '777777'].find(
    (code) => !right.includes(code),
  ) as string;
}

/** The number of rows in each table. */
export async function countRows(app: TestApp): Promise<Record<string, number>> {
  const counts = (await tablesOf(app)).map(
    (table) => `select '${table}' as name, count(*) as n from \`${table}\``,
  );
  const rows = await runSql<{ name: string; n: number }>(
    app.databaseUrl,
    counts.join(' union all '),
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

/** Every value in every column of every table, as bytes. */
export async function storedValues(app: TestApp): Promise<{ place: string; bytes: Buffer }[]> {
  const values: { place: string; bytes: Buffer }[] = [];
  for (const table of await tablesOf(app)) {
    for (const row of await runSql(app.databaseUrl, `select * from \`${table}\``)) {
      for (const [column, value] of Object.entries(row)) {
        const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
        values.push({ place: `${table}.${column}`, bytes });
      }
    }
  }
  return values;
}

async function tablesOf(app: TestApp): Promise<string[]> {
  const rows = await runSql<{ name: string }>(
    app.databaseUrl,
    'select table_name as name from information_schema.tables where table_schema = database()',
  );
  return rows.map((row) => row.name);
}

/** The audit events of a user, oldest first. */
export async function auditTypes(app: TestApp, userId: string): Promise<string[]> {
  const rows = await runSql<{ type: string }>(
    app.databaseUrl,
    'select type from audit_events where user_id = ? order by at, id',
    [idBytes(userId)],
  );
  return rows.map((row) => row.type);
}
