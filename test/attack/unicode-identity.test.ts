import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  INPUT_FAILURE,
  idBytes,
  logIn,
  newName,
  PASSWORD,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const REGISTER = `mutation ($input: RegisterInput!) { register(input: $input) { __typename ${INPUT_FAILURE} } }`;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function register(input: Record<string, unknown>): Promise<string> {
  const { data } = await app.gql(REGISTER, { input: { password: PASSWORD, ...input } });
  return data.register.__typename;
}

describe('U1: an e-mail address that turns into another', () => {
  it.each([
    ['a full-width ＠ before another domain', (n: string) => `${n}@evil.test＠victim.test`],
    ['a full-width ＠ behind another domain', (n: string) => `${n}＠evil.test@victim.test`],
    ['a small ﹫', (n: string) => `${n}@evil.test﹫victim.test`],
    ['a full-width dot', (n: string) => `${n}@evil。test.victim．`],
    ['an account-of sign', (n: string) => `${n}@evil.test℀victim.test`],
    ['a full-width solidus', (n: string) => `${n}@evil.test／victim.test`],
    ['a full-width space', (n: string) => `${n}@victim.test\u3000evil`],
    ['a comma, as mail programs read it', (n: string) => `${n}@evil.test,${n}@victim.test`],
    ['a full-width comma', (n: string) => `${n}@evil.test，${n}@victim.test`],
    ['an address within angle brackets', (n: string) => `${n}@evil.test<${n}@victim.test>`],
    ['CR and LF', (n: string) => `${n}@victim.test\r\nBcc: evil@evil.test`],
    ['LF within', (n: string) => `${n}@vic\ntim.test`],
    ['NUL', (n: string) => `${n}@victim.test\0.evil.test`],
    ['a lone surrogate', (n: string) => `${n}\ud800@victim.test`],
    ['text turned around', (n: string) => `${n}\u202e@tset.mitciv`],
    ['an invisible space', (n: string) => `${n}\u200b@victim.test`],
    ['a soft hyphen', (n: string) => `${n}\u00ad@victim.test`],
    ['a quoted local part', (n: string) => `"${n}@evil.test"@victim.test`],
    ['a comment', (n: string) => `${n}(comment)@victim.test`],
    ['no dot', (n: string) => `${n}@localhost`],
    ['an IP address', (n: string) => `${n}@127.0.0.1`],
    ['an IP literal', (n: string) => `${n}@[127.0.0.1]`],
    ['a digit written otherwise', (n: string) => `${n}@1.2.3.４`],
    ['a length that grows', (n: string) => `${n}@${'\ufdfa'.repeat(20)}.test`],
  ])('%s is refused', async (_what, email) => {
    expect(await register({ email: email(newName()) })).toBe('InvalidInput');
  });

  it('is found by no identifier but its own', async () => {
    const { email } = await registerUser(app);
    for (const identifier of [
      `${email}＠evil.test`,
      `evil@evil.test,${email}`,
      `${email}\0`,
      `${email}.`,
      `${email}\u200b`,
      email.replace('@', '@\u200d'),
      `<${email}>`,
    ]) {
      const answer = await logIn(app, { identifier });
      expect(answer.code, identifier).toBe('INVALID_CREDENTIALS');
    }
  });
});

describe('U2: what a collation holds for equal', () => {
  it('are two people whom an accent, a letter or a dot tells apart', async () => {
    const n = newName('n');
    const addresses = [
      'a',
      'á',
      'ä',
      'å',
      'ą',
      'ss',
      'ß',
      'o',
      'ø',
      'i',
      'ı',
      'e',
      'é',
      'æ',
      'ae',
    ].map((letter) => `${letter}${n}@x.test`);
    const ids = [];
    for (const email of addresses) {
      const user = await registerUser(app, { email, username: null });
      ids.push(user.id);
    }
    expect(new Set(ids).size).toBe(addresses.length);
    for (const [i, identifier] of addresses.entries()) {
      expect((await logIn(app, { identifier })).user.id, identifier).toBe(ids[i]);
    }
  });

  it('is one person in every spelling of the same address, whose own is kept', async () => {
    const n = newName('n');
    const email = `Ÿé.${n}@Exämple.test`;
    const user = await registerUser(app, { email, username: null });
    for (const other of [
      email.toLowerCase(),
      email.toUpperCase(),
      email.normalize('NFD'),
      ` ${email}  `,
      `${email}\u00a0`,
    ]) {
      expect(await register({ email: other }), other).toBe('EmailTaken');
      expect((await logIn(app, { identifier: other })).user.id, other).toBe(user.id);
    }
    // it signs in as well, and is nobody's address: mail to it would go elsewhere
    const wide = email.replace('e', 'ｅ');
    expect(await register({ email: wide })).toBe('InvalidInput');
    expect((await logIn(app, { identifier: wide })).user.id).toBe(user.id);
    const [row] = await runSql<{ email: string }>(
      app.databaseUrl,
      'select email from users where id = ?',
      [idBytes(user.id)],
    );
    expect(row?.email).toBe(email);
  });

  it.each([
    ['Turkish dotted I', 'İstanbul', 'istanbul'],
    ['a Kelvin sign', '\u212aelvin', 'kelvin'],
    ['an Ångström sign', '\u212bngstrom', 'ångstrom'],
    ['a ligature', 'o\ufb03ce', 'office'],
    ['a Roman numeral', 'louis\u2169', 'louisx'],
    ['a superscript', 'x²', 'x2'],
    ['a long s', 'ſam', 'sam'],
    ['half-width letters', 'ｱｲｳ', 'アイウ'],
    ['a final sigma', 'ΑΣ', 'ας'],
  ])('%s makes a username that is told in one way only', async (_what, one, other) => {
    const suffix = newName('.');
    const name = `${one}${suffix}`;
    const user = await registerUser(app, { username: name });
    const answer = await logIn(app, { identifier: `${other}${suffix}` });
    const taken = await register({ email: `${newName()}@x.test`, username: `${other}${suffix}` });
    // either the two are one name, in every respect, or they are two
    expect([answer.user?.id === user.id, taken]).toEqual(
      answer.user === undefined ? [false, 'RegisterSuccess'] : [true, 'UsernameTaken'],
    );
    expect((await logIn(app, { identifier: name })).user.id).toBe(user.id);
  });

  it('no username is an e-mail address in disguise', async () => {
    const victim = await registerUser(app);
    for (const username of [
      victim.email,
      victim.email.replace('@', '＠'),
      victim.email.replace('@', '﹫'),
    ]) {
      expect(await register({ email: `${newName()}@x.test`, username })).toBe('InvalidInput');
    }
  });

  it('no spelling has room for a space at its end, which the database would not see', async () => {
    const { email, username } = await registerUser(app);
    const spaces = [
      '\u0020',
      '\u00a0',
      '\u1680',
      '\u2000',
      '\u2003',
      '\u2028',
      '\u202f',
      '\u205f',
      '\u3000',
      '\ufeff',
      '\u0085',
      '\u180e',
      '\u200b',
    ];
    for (const space of spaces) {
      for (const name of [email, username]) {
        const answer = await logIn(app, { identifier: `${name}${space}`, password: 'wrong' });
        expect(answer.code).toMatch(/INVALID_CREDENTIALS|ACCOUNT_LOCKED/);
      }
    }
    // whatever was found to be the same name was counted under it
    const [row] = await runSql<{ n: number }>(
      app.databaseUrl,
      "select count(*) as n from audit_events where type = 'LOGIN_FAILED' and user_id = (select id from users where email = ?)",
      [email],
    );
    expect(row?.n).toBeLessThanOrEqual(10);
  });
});

describe('U3: a password is compared as it was typed', () => {
  const ODD: [string, string][] = [
    ['with a byte order mark', '\ufefffour words in a row'],
    ['with spaces of other kinds', '\u3000four\u00a0words \t '],
    ['of spaces alone', ' '.repeat(16)],
    ['of pictures', '👩‍👩‍👧‍👦🏳️‍🌈🇨🇭👍🏽 four words'],
    ['beyond the first plane', '𝔣𝔬𝔲𝔯 𝔴𝔬𝔯𝔡𝔰 𝔦𝔫 𝔞 𝔯𝔬𝔴'],
    ['with a newline', 'four words\r\nin a row'],
    ['that looks like a hash', '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA'],
    ['of 128 characters of four bytes', '😀'.repeat(128)],
    ['with noncharacters', 'four words \ufffe\uffff in a row'],
    ['with a replacement character', 'four words \ufffd in a row'],
  ];

  it.each(ODD)('%s', async (_what, password) => {
    const { email: identifier } = await registerUser(app, { password });
    expect((await logIn(app, { identifier, password })).__typename).toBe('LoginSuccess');
    for (const other of [
      password.trim(),
      password.normalize('NFKC'),
      `${password} `,
      password.slice(0, -1),
      password.replace(/[\ufffe\uffff\ufeff]/g, '\ufffd'),
    ]) {
      if (other === password) continue;
      const answer = await logIn(app, { identifier, password: other });
      expect(answer.__typename, JSON.stringify(other)).not.toBe('LoginSuccess');
      app.clock.advance(901);
    }
  });

  it('é is é, however it is composed, and no other letter', async () => {
    const password = 'çinq mots en rangée'.normalize('NFC');
    const { email: identifier } = await registerUser(app, { password: password.normalize('NFD') });
    expect((await logIn(app, { identifier, password })).__typename).toBe('LoginSuccess');
    const bare = password.normalize('NFD').replace(/\p{M}/gu, '');
    expect((await logIn(app, { identifier, password: bare })).code).toBe('INVALID_CREDENTIALS');
    const wide = password.replace('m', 'ｍ');
    expect((await logIn(app, { identifier, password: wide })).code).toBe('INVALID_CREDENTIALS');
  });

  it('NUL and lone surrogates are refused, not cut off or replaced', async () => {
    for (const password of [
      'four words\0in a row',
      'four words \ud800 in a row',
      '\udc00four words in a row',
    ]) {
      expect(await register({ email: `${newName()}@x.test`, password })).toBe('InvalidInput');
    }
    const { email: identifier } = await registerUser(app, { password: 'four words' });
    expect((await logIn(app, { identifier, password: 'four words\0b' })).code).toBe(
      'INVALID_CREDENTIALS',
    );
  });
});

it('U4: the first 72 bytes of a password are not the password', async () => {
  const password = 'correct horse battery staple '.repeat(5).slice(0, 100);
  const { email: identifier } = await registerUser(app, { password });
  for (const other of [
    password.slice(0, 72),
    password.slice(0, 99),
    `${password.slice(0, 72)}${'x'.repeat(28)}`,
  ]) {
    expect((await logIn(app, { identifier, password: other })).code).toBe('INVALID_CREDENTIALS');
  }
  expect((await logIn(app, { identifier, password })).__typename).toBe('LoginSuccess');
});
