import { expect, it } from 'vitest';
import { AuthError } from '../src/errors.ts';
import {
  assertNoProblems,
  checkAppMetadata,
  checkNewPassword,
  isPossibleIdentifier,
  isPossiblePassword,
  type Problems,
  readEmail,
  readText,
  readUsername,
} from '../src/input.ts';
import { processorWatch } from './support/processor-time.ts';

function problemsOf(check: (problems: Problems) => unknown): Problems {
  const problems: Problems = [];
  check(problems);
  return problems;
}

it.each([
  'ada@example.com',
  '  ada@example.com\t',
  'Ada.Lovelace+tag@mail.example.co.uk',
  "o'hara@example.com",
  'a@b.cc',
  'élodie@example.com',
  '用户@例子.公司',
  'ada@xn--bcher-kva.example',
  `${'a'.repeat(64)}@example.com`,
])('takes the e-mail address %j', (text) => {
  expect(problemsOf((problems) => readEmail('email', text, problems))).toEqual([]);
  expect(readEmail('email', text, [])).toBe(text.trim());
});

it.each([
  '',
  ' ',
  'ada',
  'ａｄａ@example.com',
  'ada@ｅxample.com',
  'ada@',
  '@example.com',
  'ada@example',
  'ada@localhost',
  'ada@@example.com',
  'ada@example.com@evil.example',
  'ada@evil.example＠example.com',
  'ada＠example.com@evil.example',
  'ada@example..com',
  'ada@.example.com',
  'ada@example.com.',
  '.ada@example.com',
  'ada.@example.com',
  'a..da@example.com',
  'ada@-example.com',
  'ada@example-.com',
  'ada@127.0.0.1',
  'ada@[127.0.0.1]',
  'ada @example.com',
  'ada@exam ple.com',
  '"ada"@example.com',
  'ada(comment)@example.com',
  'Ada <ada@example.com>',
  'ada@example.com, eve@example.com',
  'ada@example.com\r\nBcc: eve@example.com',
  'ada@example.com\0',
  'ada\u202E@example.com',
  'ada\uD800@example.com',
  '\uDC00ada@example.com',
  'ada@example\u2028.com',
  `${'a'.repeat(65)}@example.com`,
  `ada@${'a'.repeat(64)}.com`,
  `ada@${'abcdefghi.'.repeat(25)}com`,
  // 200 characters, but 3600 in the form they are compared in
  `${'\uFDFA'.repeat(60)}@example.com`,
])('refuses the e-mail address %j', (text) => {
  const problems = problemsOf((found) => readEmail('newEmail', text, found));
  expect(problems).toEqual([
    { path: 'newEmail', message: expect.stringContaining('ada@example.com') },
  ]);
});

it('takes no time over an e-mail address made to cost it', () => {
  const evil = [
    `${'a.'.repeat(50_000)}@example.com`,
    `a@${'a-'.repeat(50_000)}.com`,
    '@'.repeat(100_000),
    ' '.repeat(100_000),
    `${'a'.repeat(50_000)}@${'a.'.repeat(25_000)}`,
  ];
  const busyMs = processorWatch();
  for (const text of evil) {
    expect(problemsOf((problems) => readEmail('email', text, problems))).toHaveLength(1);
  }
  expect(busyMs()).toBeLessThan(500);
});

it.each([
  ['ada', 'ada'],
  [' Ada_Lovelace-1815 ', 'Ada_Lovelace-1815'],
  ['élodie', 'élodie'],
  ['élodie'.normalize('NFD'), 'élodie'.normalize('NFD')],
  ['用户名', '用户名'],
  ['a'.repeat(32), 'a'.repeat(32)],
  ['', null],
  ['   ', null],
  [null, null],
  [undefined, null],
])('reads the username %j', (text, expected) => {
  const problems: Problems = [];
  expect(readUsername('username', text, problems)).toBe(expected);
  expect(problems).toEqual([]);
});

it.each([
  'ab',
  'a'.repeat(33),
  'ada@example.com',
  'ada＠example',
  'ada lovelace',
  'ada/../root',
  '-ada',
  'ada.',
  '_ada_',
  'ada\0',
  'ada\nroot',
  'ada\u202Eroot',
  'ada\u200Droot',
  'ada\uD800x',
  'a\u3164da',
  'ada\uFE0Fx',
  'a\u034Fda',
  '\u115F\u115F\u115F',
  '<script>',
  'ada%',
  '\u0301da',
  // one character that is eighteen, with spaces, in the form it is compared in
  'a\uFDFAa',
])('refuses the username %j', (text) => {
  expect(problemsOf((problems) => readUsername('username', text, problems))).toHaveLength(1);
});

it.each([
  ['Ada Lovelace', 'Ada Lovelace'],
  ['  Ada  ', 'Ada'],
  ['👩‍💻 Ada', '👩‍💻 Ada'],
  ['علي', 'علي'],
  ['❤️', '❤️'],
  ['🏳️‍🌈 Ada', '🏳️‍🌈 Ada'],
  ['می‌خواهم', 'می‌خواهم'],
  ['가ㅤ나', '가ㅤ나'],
  ["Robert'); drop table users;--", "Robert'); drop table users;--"],
  ['😀'.repeat(100), '😀'.repeat(100)],
  ['', null],
  [' \t ', null],
  [null, null],
])('reads the line %j', (text, expected) => {
  const problems: Problems = [];
  expect(readText('displayName', text, 100, problems)).toBe(expected);
  expect(problems).toEqual([]);
});

it.each([
  'a'.repeat(101),
  '😀'.repeat(101),
  'a'.repeat(1_000_000),
  'two\nlines',
  'nul\0here',
  'escape\x1B[31m',
  'delete\x7F',
  'c1\x85control',
  'turned \u202Earound',
  'isolated \u2066text',
  'separated\u2028line',
  'lone \uD800 surrogate',
  'lone \uDFFF surrogate',
  'mark\uFEFFed',
  'left \u200Eto right',
  'right \u200Fto left',
  'Arabic \u061Cmark',
  'hidden \u{E0041}\u{E0042} text',
  'cancelled \u{E007F} tag',
  '\u200B',
  '\u3164',
  '\uFE0F',
  '\u2800',
  '\u00AD',
  '\u200D \u2060\u115F\u{E0100}',
])('refuses the line %#', (text) => {
  expect(problemsOf((problems) => readText('displayName', text, 100, problems))).toEqual([
    { path: 'displayName', message: expect.stringMatching(/^Use /) },
  ]);
});

const RULES = {
  minLength: 8,
  isCommon: (password: string) => password === 'password1',
  names: ['Ada@Example.com', 'lovelace1815', null],
};

const passwordProblems = (password: string, rules = RULES) =>
  problemsOf((problems) => checkNewPassword('password', password, rules, problems));

it.each([
  'eight ch',
  '        ',
  '🔑'.repeat(8),
  '🔑'.repeat(128),
  'x'.repeat(128),
  ' leading and trailing ',
  'tab\tand\nnewline are characters',
  'ada@example.com and more',
])('takes the password %j', (password) => {
  expect(passwordProblems(password)).toEqual([]);
  expect(isPossiblePassword(password)).toBe(true);
});

it.each([
  '',
  'seven77',
  '🔑'.repeat(7),
  // eight code units and composed marks, four characters
  'éééé'.normalize('NFD'),
  'x'.repeat(129),
  '🔑'.repeat(129),
  'with a \0 inside',
  'with a lone \uD800',
  'password1',
  'ada@example.com',
  'ADA@EXAMPLE.COM',
  ' ada@example.com ',
  'lovelace1815',
  'LoveLace1815',
])('refuses the password %j', (password) => {
  expect(passwordProblems(password)).toHaveLength(1);
});

it('refuses the part of the e-mail address before the @ as a password', () => {
  const rules = { ...RULES, names: ['adalovelace@example.com'] };
  expect(passwordProblems('adalovelace', rules)).toHaveLength(1);
  expect(passwordProblems('adalovelace2', rules)).toEqual([]);
});

it('counts the least length that was chosen, in characters', () => {
  const rules = { ...RULES, minLength: 15 };
  expect(passwordProblems('é'.repeat(14).normalize('NFD'), rules)).toHaveLength(1);
  expect(passwordProblems('é'.repeat(15).normalize('NFD'), rules)).toEqual([]);
});

it('never repeats a refused password', () => {
  for (const password of ['hunter2', 'password1', 'lovelace1815', `${'hunter2'.repeat(40)}`]) {
    expect(JSON.stringify(passwordProblems(password))).not.toContain(password);
  }
});

it('knows what cannot be a password or an identifier at all', () => {
  for (const text of ['x'.repeat(129), 'a\0', '\uD800', '😀'.repeat(129)]) {
    expect(isPossiblePassword(text)).toBe(false);
  }
  for (const text of ['x'.repeat(509), 'a\0', '\uD800']) {
    expect(isPossibleIdentifier(text)).toBe(false);
  }
  expect(isPossibleIdentifier('')).toBe(true);
});

it.each([
  [{}, 0],
  [{ plan: 'pro', seats: [1, 2] }, 0],
  [{ text: 'x'.repeat(1989) }, 0],
  [{ text: 'x'.repeat(1990) }, 1],
  [{ text: 'é'.repeat(1000) }, 1],
  [null, 1],
  [[], 1],
  ['text', 1],
  [1, 1],
  [true, 1],
])('checks application metadata (%#)', (value, count) => {
  expect(problemsOf((problems) => checkAppMetadata('appMetadata', value, problems))).toHaveLength(
    count,
  );
});

it('throws all problems together, and nothing without a problem', () => {
  expect(() => assertNoProblems([])).not.toThrow();
  const fields = [
    { path: 'email', message: 'one' },
    { path: 'password', message: 'two' },
  ];
  expect(() => assertNoProblems(fields)).toThrow(AuthError);
  expect(() => assertNoProblems(fields)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', fields }),
  );
});
