import { escapeHtml } from '../html.ts';
import { deviceName } from './device-name.ts';
import { linkOf } from './link.ts';
import type { Mail } from './message.ts';
import type { Sender } from './sender.ts';
import type { Block, Piece, Template } from './template.ts';
import type { Templates } from './template-files.ts';

/** What every mail is rendered with. */
export interface Stationery {
  readonly templates: Templates;
  readonly sender: Sender;
  readonly publicUrl: string;
}

/** A mail as its recipient reads it. */
export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

type Values = Readonly<Record<string, string>>;

/** Renders a mail as HTML and as plain text, both from the same template. */
export function renderMail(stationery: Stationery, mail: Mail): RenderedMail {
  const { templates, sender } = stationery;
  const template = templates.messages[mail.message.kind];
  const values = valuesOf(stationery, mail, template.lang);
  const phrase = mail.phrase ? templates.messages.phrase.blocks : [];
  const subject = fill(template.subject, values);
  const content = [
    ...template.blocks.map((block) => htmlBlock(block, values)),
    ...(phrase.length === 0
      ? []
      : [`<div class="phrase">`, ...phrase.map((block) => htmlBlock(block, values)), '</div>']),
  ].join('\n');
  return {
    subject,
    html: fillLayout(templates.layout, {
      lang: escapeHtml(template.lang),
      subject: escapeHtml(subject),
      name: escapeHtml(sender.name),
      content,
    }),
    text: textOf(template, phrase, values, sender),
  };
}

function valuesOf({ sender, publicUrl }: Stationery, mail: Mail, lang: string): Values {
  const { message } = mail;
  const format = new Intl.DateTimeFormat(lang, {
    dateStyle: 'long',
    timeStyle: 'short',
    hourCycle: 'h23',
    timeZone: 'UTC',
  });
  const inWords = (instant: number) => `${format.format(instant)} UTC`;
  const values: Record<string, string> = {
    name: sender.name,
    email: mail.to,
    time: inWords(mail.at),
    account: `${publicUrl}/`,
    link: linkOf(message, publicUrl) ?? '',
    phrase: mail.phrase ?? '',
    ...('expiresAt' in message ? { expiry: inWords(message.expiresAt) } : {}),
    ...(message.kind === 'email-changed'
      ? { newEmail: message.newEmail ?? 'another address' }
      : {}),
    ...(message.kind === 'new-device'
      ? { device: deviceName(message.userAgent), ipAddress: message.ipAddress ?? 'unknown' }
      : {}),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, oneLine(value)]));
}

/**
 * Removes line breaks, control characters and bidirectional controls from user input, so that it cannot pass for the
 * text around it.
 */
function oneLine(value: string): string {
  return value.replace(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu, ' ').trim();
}

function fill(pieces: readonly Piece[], values: Values, write = (text: string) => text): string {
  return pieces
    .map((piece) => write('text' in piece ? piece.text : (values[piece.value] ?? '')))
    .join('');
}

function htmlBlock(block: Block, values: Values): string {
  if (block.kind === 'link') {
    const target = fill(block.target, values, escapeHtml);
    const label = fill(block.label, values, escapeHtml);
    return `<p class="action"><a href="${target}">${label}</a></p>\n<p class="url">${target}</p>`;
  }
  const text = fill(block.pieces, values, escapeHtml);
  return block.kind === 'heading' ? `<h1 dir="auto">${text}</h1>` : `<p dir="auto">${text}</p>`;
}

function textOf(
  template: Template,
  phrase: readonly Block[],
  values: Values,
  sender: Sender,
): string {
  const blocks = template.blocks.map((block) => textBlock(block, values));
  const last = phrase.length === 0 ? [] : ['--------', ...phrase.map((b) => textBlock(b, values))];
  return `${[...blocks, ...last, `-- \n${sender.name}`].join('\n\n')}\n`;
}

function textBlock(block: Block, values: Values): string {
  if (block.kind !== 'link') return fill(block.pieces, values);
  return `${fill(block.label, values)}:\n${fill(block.target, values)}`;
}

function fillLayout(layout: string, values: Values): string {
  return layout.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => values[name] ?? '');
}
