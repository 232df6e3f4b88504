import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { ConfigError } from '../../src/config-error.ts';
import { parseTemplate, TEMPLATE_NAMES } from '../../src/mail/template.ts';
import { readTemplates, writeTemplates } from '../../src/mail/template-files.ts';

const root = mkdtempSync(join(tmpdir(), 'latchkey-templates-'));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
/** A folder with these files in it. */
function folder(files: Record<string, string | Buffer>): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

function problemsOf(files: Record<string, string | Buffer>): string[] {
  const read = readTemplates(folder(files));
  return 'problems' in read ? read.problems : [];
}

const RESET = 'Subject: Reset\n\n# Reset\n\n[Choose a password]({{link}})\n';

describe('a template', () => {
  it('is taken apart into headings, paragraphs and links', () => {
    const source =
      'Subject: From {{name}}\r\nLang: pt-BR\r\n\r\n# Hi\r\n\r\none\r\ntwo {{ email }}\r\n\r\n[Go on]({{link}})';
    expect(parseTemplate('verify-email', source)).toEqual({
      template: {
        lang: 'pt-BR',
        subject: [{ text: 'From ' }, { value: 'name' }],
        blocks: [
          { kind: 'heading', pieces: [{ text: 'Hi' }] },
          { kind: 'paragraph', pieces: [{ text: 'one two ' }, { value: 'email' }] },
          { kind: 'link', label: [{ text: 'Go on' }], target: [{ value: 'link' }] },
        ],
      },
    });
  });

  it.each([
    ['no subject', '# Reset\n\n[Go]({{link}})', 'has no subject'],
    ['an empty subject', 'Subject:\n\n[Go]({{link}})', 'has no subject'],
    ['a value of the person in the subject', `Subject: {{email}}\n\n[Go]({{link}})`, '{{email}}'],
    ['an unknown value', `${RESET}\nDear {{firstName}}`, '{{firstName}}'],
    ['a value of another message', `${RESET}\n{{newEmail}}`, '{{newEmail}}'],
    ['a broken value', `${RESET}\n{{email}`, 'broken placeholder'],
    ['no link', 'Subject: Reset\n\nJust so.', 'lacks [words]({{link}})'],
    ['a link within a paragraph', `${RESET}\nsee [this]({{link}}) now`, 'stand alone'],
    ['a link of another scheme', `${RESET}\n[this](javascript:alert`, 'stand alone'],
    ['a link to plain HTTP', `${RESET}\n[this](http://example.com)`, 'nor to https://'],
    ['another header', `Bcc: x@example.com\n${RESET}`, '"Subject: ..." and "Lang: ..." only'],
    ['a bad language', `Lang: e_n\n${RESET}`, 'language tag'],
    ['a control character', 'Subject: a\u0000b\n\n[Go]({{link}})', 'control character'],
  ])('is refused with %s', (_what, source, problem) => {
    const parsed = parseTemplate('reset-password', source);
    expect('problems' in parsed && parsed.problems.join()).toContain(problem);
  });
});

describe('the folder MAIL_TEMPLATES', () => {
  it('replaces what is in it, and nothing else', () => {
    const read = readTemplates(folder({ 'reset-password.md': RESET }));
    if ('problems' in read) throw new Error(read.problems.join());
    expect(read.templates.messages['reset-password'].subject).toEqual([{ text: 'Reset' }]);
    expect(read.templates.messages.invitation.subject).not.toEqual([]);
  });

  it('has all its problems told at once, at the start, beside those of other variables', () => {
    const MAIL_TEMPLATES = folder({
      'reset-password.md': '\n\n# Reset {{nmae}}',
      'verify_email.md': RESET,
      'invitation.md': Buffer.from([0xff, 0xfe, 0x00]),
      'layout.html': '<p>{{contents}}</p>',
      'phrase.md': 'no phrase',
    });
    const start = () => loadConfig({ MAIL_TEMPLATES, PORT: 'x', DATA_DIR: root });
    expect(start).toThrow(ConfigError);
    let message = '';
    try {
      start();
    } catch (error) {
      message = String(error);
    }
    for (const problem of [
      'PORT ',
      'MAIL_TEMPLATES reset-password.md has no subject',
      'MAIL_TEMPLATES reset-password.md lacks',
      'MAIL_TEMPLATES reset-password.md has the placeholder {{nmae}}',
      'MAIL_TEMPLATES verify_email.md is no message',
      'MAIL_TEMPLATES invitation.md cannot be read',
      'MAIL_TEMPLATES layout.html has a placeholder',
      'MAIL_TEMPLATES layout.html lacks {{content}}',
      'MAIL_TEMPLATES layout.html lacks {{lang}}',
      'MAIL_TEMPLATES phrase.md lacks {{phrase}}',
    ]) {
      expect(message).toContain(problem);
    }
  });

  it('must be there', () => {
    const read = readTemplates(join(root, 'nowhere'));
    expect(read).toEqual({ problems: ['is no folder that can be read'] });
  });

  it('can be begun with the shipped ones, which are all good, and keeps what was changed', () => {
    const path = join(root, 'begun');
    expect(writeTemplates(path)).toHaveLength(TEMPLATE_NAMES.length + 1);
    expect(readTemplates(path)).toEqual(readTemplates(undefined));
    writeFileSync(join(path, 'reset-password.md'), RESET);
    expect(writeTemplates(path)).toEqual([]);
    expect(readFileSync(join(path, 'reset-password.md'), 'utf8')).toBe(RESET);
  });

  it('may have files of the system, which are passed over', () => {
    expect(problemsOf({ '.DS_Store': 'x' })).toEqual([]);
  });
});
