import { describe, expect, it } from 'vitest';
import { linkOf } from '../../src/mail/link.ts';
import type { Mail, MailKind, MailMessage } from '../../src/mail/message.ts';
import { renderMail } from '../../src/mail/rendering.ts';
import { parseTemplate } from '../../src/mail/template.ts';
import { readTemplates } from '../../src/mail/template-files.ts';

const shipped = readTemplates(undefined);
if ('problems' in shipped) throw new Error(shipped.problems.join());
const { templates } = shipped;
const PUBLIC_URL = 'https://auth.example.com/base';
const stationery = {
  templates,
  sender: { name: 'Example & Sons', address: 'no-reply@example.com' },
  publicUrl: PUBLIC_URL,
};
const AT = Date.UTC(2026, 10, 21, 8, 5);

const LINK = { token: 'T0k-en_', expiresAt: AT + 30 * 60_000 };

const MESSAGES: Record<MailKind, MailMessage> = {
  'verify-email': { kind: 'verify-email', ...LINK },
  'already-registered': { kind: 'already-registered' },
  'reset-password': { kind: 'reset-password', ...LINK },
  invitation: { kind: 'invitation', ...LINK },
  'confirm-email-change': { kind: 'confirm-email-change', ...LINK },
  'email-changed': { kind: 'email-changed', newEmail: 'new@example.org', ...LINK },
  'password-changed': { kind: 'password-changed' },
  'totp-enabled': { kind: 'totp-enabled' },
  'totp-disabled': { kind: 'totp-disabled' },
  'new-device': {
    kind: 'new-device',
    ipAddress: '192.0.2.7',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  },
  'refresh-token-reused': { kind: 'refresh-token-reused' },
  'account-deleted': { kind: 'account-deleted' },
};
const KINDS = Object.keys(MESSAGES) as MailKind[];

function write(message: MailMessage, more: Partial<Mail> = {}, paper = stationery) {
  return renderMail(paper, { to: 'ada@example.org', phrase: null, at: AT, message, ...more });
}

describe.each(KINDS)('%s', (kind) => {
  const message = MESSAGES[kind];
  const { subject, html, text } = write(message, { phrase: 'the blue heron' });

  it('says the same in HTML and in plain text, and leaves no placeholder', () => {
    expect(subject.length).toBeGreaterThan(10);
    expect(`${subject}${html}${text}`).not.toMatch(/\{\{|\}\}|undefined|\[object/);
    const inHtml = html
      .replace(/<head>[\s\S]*<\/head>/, '')
      .replace(/<[^>]+>/g, ' ')
      .replaceAll('&amp;', '&')
      .replace(/\s+/g, ' ');
    for (const line of text.split('\n').filter((words) => /\w/.test(words))) {
      expect(inHtml).toContain(line.replace(/:$/, ''));
    }
  });

  it('is accessible: a language, a title, one heading, a main part, links with words', () => {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).toContain(`<title>${subject.replace('&', '&amp;')}</title>`);
    expect(html.match(/<h1\b/g)).toHaveLength(1);
    expect(html).toContain('<main>');
    expect(html).not.toMatch(/<(?:img|script|iframe|link|table|form)\b/);
    for (const [, label = ''] of html.matchAll(/<a [^>]*>(.*?)<\/a>/g)) {
      expect(label).toMatch(/\w+ \w+/);
      expect(label).not.toMatch(/click here|https?:/i);
    }
  });

  it('can be read in the dark, also where styles are not kept', () => {
    expect(html).toContain('<meta name="color-scheme" content="light dark">');
    expect(html).toContain('@media (prefers-color-scheme: dark)');
    expect(html).not.toMatch(/ (?:style|bgcolor|color)=/);
  });

  it('leads nowhere but to PUBLIC_URL, with the token behind the #', () => {
    const targets = [...`${html}\n${text}`.matchAll(/https?:\/\/[^\s"<]+/g)].map(([url]) => url);
    for (const url of targets) {
      expect(url.startsWith(`${PUBLIC_URL}/`)).toBe(true);
      expect(new URL(url).search).toBe('');
    }
    const link = linkOf(message, PUBLIC_URL);
    if (link === null) {
      expect(targets.join()).not.toContain('#');
    } else {
      expect(link).toMatch(/\/[a-z-]+#token=T0k-en_$/);
      expect(html).toContain(`href="${link}"`);
      expect(text).toContain(`\n${link}\n`);
      expect(text).toContain('The link works once, until November 21, 2026 at 08:35 UTC.');
    }
  });

  it('has the phrase when there is one', () => {
    expect(html).toContain('the blue heron');
    expect(text).toContain('the blue heron');
    const without = write(message);
    expect(`${without.html}${without.text}`).not.toMatch(/phrase is/);
  });
});

it('tells of a new address without naming it, where it is not to be named', () => {
  const { text } = write({ kind: 'email-changed', newEmail: null, ...LINK });
  expect(text).toContain('uses another address instead of ada@example.org.');
});

it('leads to the pages that the web application has for it', () => {
  const pages = KINDS.map((kind) => linkOf(MESSAGES[kind], 'https://a.example'));
  expect(pages.filter((page) => page !== null).map((page) => new URL(page).pathname)).toEqual([
    '/verify-email',
    '/reset-password',
    '/accept-invitation',
    '/verify-email',
    '/undo-email-change',
  ]);
});

it('tells the time in UTC, in the language of the template', () => {
  expect(write(MESSAGES['password-changed']).text).toContain('November 21, 2026 at 08:05 UTC');
  const parsed = parseTemplate('password-changed', 'Subject: x\nLang: de\n\nAm {{time}}.');
  if ('problems' in parsed) throw new Error(parsed.problems.join());
  const german = {
    ...templates,
    messages: { ...templates.messages, 'password-changed': parsed.template },
  };
  const { text, html } = write(
    MESSAGES['password-changed'],
    {},
    { ...stationery, templates: german },
  );
  expect(text).toContain('Am 21. November 2026 um 08:05 UTC.');
  expect(html).toContain('<html lang="de">');
});

it('writes what somebody typed as text, in HTML and in plain text', () => {
  const phrase =
    '<img src=x onerror=alert(1)>"\'&\n\n--\u202Egpj {{link}} $& [a](https://evil.example)';
  const { html, text } = write(MESSAGES['new-device'], { phrase, to: `o'hara+<b>@example.org` });
  expect(html).not.toContain('<img');
  expect(html).not.toContain('href="https://evil');
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp; --');
  // one line, so that it cannot look like a part of the message
  expect(text.split('\n').filter((line) => line.includes('onerror'))).toHaveLength(1);
  expect(`${html}${text}`).not.toContain('\u202E');
});

it('names a device in words of its own, whatever it says of itself', () => {
  const write_ = (userAgent: string | null) =>
    write({ kind: 'new-device', ipAddress: null, userAgent }).text;
  expect(write(MESSAGES['new-device']).text).toContain('Device: Firefox, Linux\n');
  expect(write_(null)).toContain('Device: unknown\n');
  const lure = 'Chrome/1 Your account is at risk, sign in at https://evil.example';
  expect(write_(lure)).toContain('Device: Chrome\n');
  expect(write_(lure)).not.toContain('evil');
});
