import { createTransport } from 'nodemailer';
import { leadsToItsDomain } from '../mail-domain.ts';
import type { RenderedMail } from './rendering.ts';
import type { Sender } from './sender.ts';
import type { SmtpServer } from './smtp-url.ts';

/** A mail ready to go. */
export interface OutgoingMail extends RenderedMail {
  /** The same at every attempt, so that a mail which arrives twice can be recognised. */
  readonly id: string;
  readonly to: string;
  readonly date: Date;
}

/** What hands mail to the mail server. */
export interface MailTransport {
  /**
   * @param signal gives up when it is aborted
   * @throws {MailFailure} unless the server has taken the mail
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The mail server did not take a mail, or nobody knows whether it did. */
export class MailFailure extends Error {
  override name = 'MailFailure';
  /** Whether asking again would bring the same answer: the recipient or the message was refused for good. */
  readonly permanent: boolean;
  /** Whether the server could be spoken with at all; otherwise other mails need not be tried just now. */
  readonly reached: boolean;

  /** @param answer what the server said, or what happened; without addresses and links */
  constructor(answer: string, more: { permanent?: boolean; reached?: boolean } = {}) {
    super(answer);
    this.permanent = more.permanent ?? false;
    this.reached = more.reached ?? true;
  }
}

/** How mail is sent, and how long may be waited for the server. */
export interface TransportOptions {
  readonly server: SmtpServer;
  readonly sender: Sender;
  readonly connections: number;
  readonly timeoutMs: number;
}

const IDLE_MS = 30_000;
const MESSAGES_PER_CONNECTION = 100;

/** Opens a pool of connections to a mail server, each of them when it is needed. */
export function createSmtpTransport(options: TransportOptions): MailTransport {
  const { server, sender, connections, timeoutMs } = options;
  const transport = createTransport({
    ...server,
    tls: { minVersion: 'TLSv1.2', ...server.tls },
    pool: true,
    maxConnections: connections,
    maxMessages: MESSAGES_PER_CONNECTION,
    // only a connection that died before any of the message was sent is replaced
    maxRequeues: 1,
    idleTimeout: IDLE_MS,
    dnsTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail, signal) {
      assertAddress(mail.to);
      try {
        await transport.sendMail({
          ...headersOf(mail, sender),
          text: mail.text,
          html: mail.html,
          signal,
        });
      } catch (error) {
        throw failureOf(error);
      }
    },
    close: () => transport.close({ force: true }),
  };
}

/** Whatever a header is made of has been checked, so that nothing that somebody typed can add another. */
function headersOf({ id, to, subject, date }: OutgoingMail, sender: Sender) {
  const domain = sender.address.slice(sender.address.lastIndexOf('@') + 1);
  return {
    messageId: `<${id}@${domain}>`,
    date,
    from: sender,
    to: { name: '', address: to },
    // stated, so that it is not read out of the headers
    envelope: { from: sender.address, to: [to] },
    subject,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
    },
  };
}

function assertAddress(address: string): void {
  const isOne = /^[^\p{Cc}\p{Z}<>()[\]\\,;:"@]+@[^\p{Cc}\p{Z}<>()[\]\\,;:"@]+$/u.test(address);
  if (!isOne || !leadsToItsDomain(address)) {
    throw new MailFailure('the address is none that mail can be sent to', { permanent: true });
  }
}

/** What nodemailer says of a failure. */
interface TransportError {
  code?: string;
  originalCode?: string;
  command?: string;
  response?: string;
  permanent?: boolean;
}

// an answer to these is about this mail; to others, such as AUTH and MAIL FROM, about the operator's settings
const ABOUT_THE_MAIL = new Set(['RCPT TO', 'DATA']);
const NOT_REACHED = new Set(['ECONNECTION', 'ETIMEDOUT', 'ESOCKET', 'EDNS', 'ETLS', 'EAUTH']);

function failureOf(error: unknown): MailFailure {
  const { code, originalCode, command, response, permanent } = (
    error instanceof Error ? error : {}
  ) as TransportError;
  const isAboutTheMail = command !== undefined && ABOUT_THE_MAIL.has(command);
  const said = response === undefined ? '' : `: ${veil(response)}`;
  return new MailFailure(`${[command, originalCode ?? code ?? 'failed'].join(' ').trim()}${said}`, {
    permanent: permanent === true && isAboutTheMail,
    reached: isAboutTheMail || !NOT_REACHED.has(code ?? ''),
  });
}

/** Servers repeat addresses and lines of the message in what they answer, and that is kept and logged. */
function veil(answer: string): string {
  return answer
    .replace(/[\p{Cc}\p{Z}]+/gu, ' ')
    .replace(/\S+@\S+/g, '[address]')
    .replace(/\b\w+:\/\/\S+/g, '[link]')
    .replace(/[\w-]{24,}/g, '[...]')
    .slice(0, 200);
}
