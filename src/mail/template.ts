import type { MailKind } from './message.ts';

/** A part of a line: literal text, or the name of a value to insert. */
export type Piece = { readonly text: string } | { readonly value: string };

/** A block of a message. Empty lines separate blocks. */
export type Block =
  | { readonly kind: 'heading' | 'paragraph'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'link'; readonly label: readonly Piece[]; readonly target: readonly Piece[] };

/** A parsed message template. */
export interface Template {
  /** A language tag such as `en`. */
  readonly lang: string;
  readonly subject: readonly Piece[];
  readonly blocks: readonly Block[];
}

const TOKEN_LINK = ['link', 'expiry'];
const EVERYWHERE = ['name', 'email', 'time', 'account'];

/** The placeholders allowed in each message, in addition to those allowed everywhere. */
const PLACEHOLDERS: Readonly<Record<MailKind | 'phrase', readonly string[]>> = {
  'verify-email': TOKEN_LINK,
  'already-registered': [],
  'reset-password': TOKEN_LINK,
  invitation: TOKEN_LINK,
  'confirm-email-change': TOKEN_LINK,
  'email-changed': [...TOKEN_LINK, 'newEmail'],
  'password-changed': [],
  'totp-enabled': [],
  'totp-disabled': [],
  'new-device': ['device', 'ipAddress'],
  'refresh-token-reused': [],
  'account-deleted': [],
  phrase: ['phrase'],
};

export type TemplateName = keyof typeof PLACEHOLDERS;

export const TEMPLATE_NAMES = Object.keys(PLACEHOLDERS) as TemplateName[];

// without these a message cannot serve its purpose
const REQUIRED = ['link', 'phrase'];

/**
 * Parses a template: `Subject:` (and `Lang:`, by default `en`), an empty line, and blocks separated by empty lines.
 * `# ` starts a heading, `[words]({{link}})` alone in its block is a link, and everything else is a paragraph.
 *
 * @returns the template, or what is wrong with it: each problem says what to do, and quotes at most a word of the text
 */
export function parseTemplate(
  name: TemplateName,
  source: string,
): { template: Template } | { problems: string[] } {
  const problems: string[] = [];
  const [head, body] = name === 'phrase' ? ['', source] : splitHead(source);
  const { subject = '', lang = 'en' } = readHead(head, problems);
  if (name !== 'phrase' && subject === '') {
    problems.push('has no subject; begin the file with "Subject: ..."');
  }
  const allowed = [...EVERYWHERE, ...PLACEHOLDERS[name]];
  const blocks = body
    .split(/\n\s*\n/)
    .map((block) => block.replace(/\s+/g, ' ').trim())
    .filter((block) => block !== '')
    .map((block) => readBlock(block, allowed, problems));
  for (const required of REQUIRED.filter((value) => PLACEHOLDERS[name].includes(value))) {
    if (!uses(blocks, required)) {
      const form = required === 'link' ? '[words]({{link}})' : `{{${required}}}`;
      problems.push(`lacks ${form}, without which it serves no purpose`);
    }
  }
  // every mail server on the way can read the subject: it may contain the service's name, but nothing that people typed
  const template = { lang, subject: readPieces(subject, ['name'], problems, 'subject'), blocks };
  return problems.length > 0 ? { problems } : { template };
}

function splitHead(source: string): [string, string] {
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const end = text.indexOf('\n\n');
  return end === -1 ? [text, ''] : [text.slice(0, end), text.slice(end)];
}

function readHead(head: string, problems: string[]): { subject?: string; lang?: string } {
  const fields: Record<string, string> = {};
  for (const line of head.split('\n').filter((text) => text.trim() !== '')) {
    const [, field = '', value = ''] = /^(Subject|Lang):(.*)$/.exec(line) ?? [];
    if (field === '') {
      problems.push('may have "Subject: ..." and "Lang: ..." only before the first empty line');
    } else if (/\p{Cc}/u.test(value.trim())) {
      problems.push(`has a control character in its ${field}`);
    } else {
      fields[field.toLowerCase()] = value.trim();
    }
  }
  if (fields.lang !== undefined && !isLanguage(fields.lang)) {
    problems.push('has a Lang that is not a language tag such as en or pt-BR');
    fields.lang = 'en';
  }
  return fields;
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function readBlock(block: string, allowed: readonly string[], problems: string[]): Block {
  const [, label = '', target = ''] = /^\[([^[\]]+)\]\(([^()\s]+)\)$/.exec(block) ?? [];
  if (label !== '') {
    if (!/^\{\{(link|account)\}\}$|^https:\/\/[^\s{}]+$/.test(target)) {
      problems.push('has a link that leads neither to {{link}} nor to {{account}} nor to https://');
    }
    return {
      kind: 'link',
      label: readPieces(label, allowed, problems),
      target: readPieces(target, allowed, problems),
    };
  }
  if (block.includes(']('))
    problems.push('has a link that does not stand alone between empty lines');
  const [kind, text] = block.startsWith('# ')
    ? (['heading', block.slice(2)] as const)
    : (['paragraph', block] as const);
  return { kind, pieces: readPieces(text, allowed, problems) };
}

function readPieces(
  text: string,
  allowed: readonly string[],
  problems: string[],
  place = 'text',
): Piece[] {
  return text.split(/(\{\{.*?\}\})/).flatMap((part): Piece[] => {
    const [, value] = /^\{\{\s*(\w+)\s*\}\}$/.exec(part) ?? [];
    if (value !== undefined && allowed.includes(value)) return [{ value }];
    if (/\{\{|\}\}/.test(part)) {
      const named = value === undefined ? 'a broken placeholder' : `the placeholder {{${value}}}`;
      const known = allowed.map((word) => `{{${word}}}`).join(' ');
      problems.push(`has ${named} in its ${place}, where only these are known: ${known}`);
    }
    return part === '' ? [] : [{ text: part }];
  });
}

function uses(blocks: readonly Block[], value: string): boolean {
  const pieces = blocks.flatMap((block) =>
    block.kind === 'link' ? block.target : value === 'link' ? [] : block.pieces,
  );
  return pieces.some((piece) => 'value' in piece && piece.value === value);
}
