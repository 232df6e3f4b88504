import { AuthError, type FieldError } from './errors.ts';
import { leadsToItsDomain } from './mail-domain.ts';

const EMAIL_LENGTH = 254;
const LOCAL_PART_LENGTH = 64;
const PASSWORD_LENGTH = 128;
const METADATA_BYTES = 2000;

// invisible letters and marks are excluded: with them anybody could imitate another user's name
const USERNAME =
  /^(?!.*\p{Default_Ignorable_Code_Point})[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{1,30}[\p{L}\p{M}\p{N}]$/u;
// RFC 5321 without quoting and comments, which only attackers use; letters of any script (RFC 6531)
const ATOM = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+$/u;
const DOMAIN_LABEL = /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
// Control characters break logs, mails and terminals. Bidirectional controls reorder text to disguise it, and tag
// characters hide text that nobody sees.
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\uFEFF\u{E0000}-\u{E007F}]/u;
// At least one visible character: not a space, and not a joiner or modifier, which belongs to emoji and many scripts
// but shows nothing on its own; and not the blank Braille pattern, which Unicode does not count as a space.
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u;

/** The problems found in an input so far, collected so that a person with three mistakes sees all three at once. */
export type Problems = FieldError[];

/** @throws {AuthError} INVALID_INPUT when there is any problem */
export function assertNoProblems(problems: Problems): void {
  if (problems.length > 0) throw new AuthError('INVALID_INPUT', { fields: problems });
}

/**
 * Reads an e-mail address: trimmed, otherwise as typed.
 *
 * The address must be valid in its comparison form (NFKC, lower case) too: there, a full-width "＠" becomes a real one and
 * would put another domain behind it. And it must not contain characters that NFKC replaces with look-alikes: a full-width
 * "ｅxample.com" would compare equal to example.com, but mail to it goes to another domain.
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
    // top-level domains are never numeric; this also excludes IP addresses
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** Reads a username; an empty one becomes `null`. */
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

/** Reads one line of text that people see; an empty one becomes `null`. */
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

/** What a new password is checked against. */
export interface PasswordRules {
  minLength: number;
  isCommon: (password: string) => boolean;
  /** The account's own e-mail address and username. */
  names: readonly (string | null)[];
}

/** Checks a new password: its length in code points, and that it is not one attackers try first. */
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
 * Whether a text can be a password at all, checked before any hashing cost. The answer does not depend on any account,
 * so refusing early reveals nothing. Lone surrogates are excluded because hashing would turn them all into the same
 * replacement character, and null characters because bcrypt stops at one.
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

/** Checks application metadata: a JSON object small enough for an access token, which in turn must fit into a cookie. */
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
