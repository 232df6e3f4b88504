import { AuthError, type FieldError } from './errors.ts';
import { leadsToItsDomain } from './mail-domain.ts';

const EMAIL_LENGTH = 254;
const LOCAL_PART_LENGTH = 64;
const PASSWORD_LENGTH = 128;
const METADATA_BYTES = 2000;

// some letters and marks are invisible: with them anybody could have a name that looks like somebody else's
const USERNAME =
  /^(?!.*\p{Default_Ignorable_Code_Point})[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{1,30}[\p{L}\p{M}\p{N}]$/u;
// RFC 5321 without quoting and comments, which only attackers use; letters of any script (RFC 6531)
const ATOM = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+$/u;
const DOMAIN_LABEL = /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
// control characters break logs, mails and terminals; the others turn text around to look like something else, or are tags,
// which hold text that nobody sees
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\uFEFF\u{E0000}-\u{E007F}]/u;
// spaces, and what joins or changes other characters: with those it is part of emoji and of many scripts, alone it is nothing;
// and the empty pattern of Braille, which is no space to Unicode
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u;

/** What is wrong with an input so far: somebody who made three mistakes learns of all three at once. */
export type Problems = FieldError[];

/** @throws {AuthError} INVALID_INPUT when there is any problem */
export function assertNoProblems(problems: Problems): void {
  if (problems.length > 0) throw new AuthError('INVALID_INPUT', { fields: problems });
}

/**
 * Reads an e-mail address: without outer space, otherwise as typed.
 *
 * It must be valid in the form it is compared in as well, or a full-width "＠" would put another domain behind it. And it may
 * hold nothing that only looks alike in that form: mail to a full-width "ｅxample.com" goes to another domain than its namesake.
 */
export function readEmail(path: string, text: string, problems: Problems): string {
  const email = text.trim();
  // by its length first: to normalise tens of thousands of marks takes seconds
  if (email.length > EMAIL_LENGTH || !isUnambiguous(email)) {
    problems.push({
      path,
      message: `Enter an e-mail address such as ada@example.com, of at most ${EMAIL_LENGTH} characters.`,
    });
  }
  return email;
}

function isUnambiguous(email: string): boolean {
  const compared = email.normalize('NFKC');
  return (
    compared === email.normalize('NFC') &&
    isEmail(email) &&
    isEmail(compared.toLowerCase()) &&
    !INVISIBLE.test(email) &&
    leadsToItsDomain(email)
  );
}

function isEmail(text: string): boolean {
  const at = text.indexOf('@');
  const local = text.slice(0, at);
  const labels = text.slice(at + 1).split('.');
  return (
    text.length <= EMAIL_LENGTH &&
    local.length <= LOCAL_PART_LENGTH &&
    local.split('.').every((atom) => ATOM.test(atom)) &&
    labels.length >= 2 &&
    labels.every((label) => DOMAIN_LABEL.test(label)) &&
    // no top-level domain is a number, so that an IP address is none either
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** Reads a username; an empty one is none. */
export function readUsername(
  path: string,
  text: string | null | undefined,
  problems: Problems,
): string | null {
  const username = text?.trim() ?? '';
  if (username === '') return null;
  if (!USERNAME.test(username) || !USERNAME.test(username.normalize('NFKC').toLowerCase())) {
    problems.push({
      path,
      message:
        'Use 3 to 32 letters, digits, dots, dashes or underscores, with a letter or digit first and last.',
    });
  }
  return username;
}

/** Reads a line of text for people; an empty one is none. */
export function readText(
  path: string,
  text: string | null | undefined,
  length: number,
  problems: Problems,
): string | null {
  const line = text?.trim() ?? '';
  if (line === '') return null;
  if (line.length > 4 * length || [...line].length > length) {
    problems.push({ path, message: `Use at most ${length} characters.` });
  } else if (!line.isWellFormed() || UNPRINTABLE.test(line) || !VISIBLE.test(line)) {
    problems.push({ path, message: 'Use printable characters on one line.' });
  }
  return line;
}

/** What a new password is held against besides its length. */
export interface PasswordRules {
  minLength: number;
  isCommon: (password: string) => boolean;
  /** The account's own e-mail address and username. */
  names: readonly (string | null)[];
}

/** Checks a new password: its length in code points, and that it is not among the first that anybody would try. */
export function checkNewPassword(
  path: string,
  password: string,
  rules: PasswordRules,
  problems: Problems,
): void {
  const message = passwordProblem(password, rules);
  if (message !== null) problems.push({ path, message });
}

function passwordProblem(password: string, rules: PasswordRules): string | null {
  if (!isPossiblePassword(password)) {
    return `Use at most ${PASSWORD_LENGTH} characters, and no null character.`;
  }
  if ([...password.normalize('NFC')].length < rules.minLength) {
    return `Use at least ${rules.minLength} characters. A few words in a row are easy to remember.`;
  }
  if (rules.isCommon(password)) {
    return 'This password is among those that attackers try first. Choose one that only you would think of.';
  }
  const lower = password.trim().toLowerCase();
  for (const name of rules.names) {
    const known = name?.toLowerCase();
    if (known !== undefined && (lower === known || lower === known.split('@')[0])) {
      return 'The password must not be the e-mail address or the username.';
    }
  }
  return null;
}

/**
 * Whether a text can be a password at all. What cannot is refused before it costs a hash; it has nothing to do with any
 * account, so saying so at once tells nobody anything. Lone surrogates would all be hashed as one and the same
 * replacement character, and bcrypt ends at a null.
 */
export function isPossiblePassword(password: string): boolean {
  return (
    password.length <= 2 * PASSWORD_LENGTH &&
    [...password].length <= PASSWORD_LENGTH &&
    password.isWellFormed() &&
    !password.includes('\0')
  );
}

/** Whether a text can be an e-mail address or username at all. */
export function isPossibleIdentifier(identifier: string): boolean {
  return (
    identifier.length <= 2 * EMAIL_LENGTH && identifier.isWellFormed() && !identifier.includes('\0')
  );
}

/** Checks application metadata: an object that fits into an access token, and that into a cookie. */
export function checkAppMetadata(path: string, value: unknown, problems: Problems): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push({ path, message: 'Give a JSON object, such as {"plan": "pro"}.' });
  } else if (Buffer.byteLength(JSON.stringify(value)) > METADATA_BYTES) {
    problems.push({
      path,
      message: `Use at most ${METADATA_BYTES} bytes of JSON: the access token carries it.`,
    });
  }
}
