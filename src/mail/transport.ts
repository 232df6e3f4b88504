import { createTransport } from 'nodemailer';
import { leadsToItsDomain } from '../mail-domain.ts';
import type { RenderedMail } from './rendering.ts';
import type { Sender } from './sender.ts';
import type { SmtpServer } from './smtp-url.ts';

/** A rendered mail, ready to be sent. */
export interface OutgoingMail extends RenderedMail {
  /** The same for every attempt, so that a mail delivered twice can be recognised. */
  readonly id: string;
  readonly to: string;
  readonly date: Date;
}

/** Hands mail to the mail server. */
export interface MailTransport {
  /**
   * Sends a mail.
   *
   * @param signal aborts the attempt
   * @throws {MailFailure} unless the server has accepted the mail
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The mail server did not accept a mail, or it is unknown whether it did. */
export class MailFailure extends Error {
  override name = 'MailFailure';
  /** Whether a retry would fail in the same way: the server refused the recipient or the message for good. */
  readonly permanent: boolean;
  /** Whether the server was reached. If not, there is no point in trying other mails now. */
  readonly reached: boolean;

  /** @param answer what the server said, or what happened; contains no addresses and no links */
  constructor(answer: string, more: { permanent?: boolean; reached?: boolean } = {}) {
    super(answer);
    this.permanent = more.permanent ?? false;
    this.reached = more.reached ?? true;
  }
}

/** How mail is sent, and how long to wait for the server. */
export interface TransportOptions {
  readonly server: SmtpServer;
  readonly sender: Sender;
  readonly connections: number;
  readonly timeoutMs: number;
}

const IDLE_MS = 30_000;
const MESSAGES_PER_CONNECTION = 100;

/** Creates a connection pool for a mail server. Connections are opened when needed. */
export function createSmtpTransport(options: TransportOptions): MailTransport {
  const { server, sender, connections, timeoutMs } = options;
  const transport = createTransport({
    ...server,
    tls: { minVersion: 'TLSv1.2', ...server.tls },
    pool: true,
    maxConnections: connections,
    maxMessages: MESSAGES_PER_CONNECTION,
    // requeue once, which nodemailer does only if the connection died before any of the message was sent
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

/** All header values have been validated, so nothing that people typed can inject another header. */
function headersOf({ id, to, subject, date }: OutgoingMail, sender: Sender) {
  const domain = sender.address.slice(sender.address.lastIndexOf('@') + 1);
  return {
    messageId: `<${id}@${domain}>`,
    date,
    from: sender,
    to: { name: '', address: to },
    // stated explicitly, so that it is not derived from the headers
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

/** The properties of nodemailer's errors. */
interface TransportError {
  code?: string;
  originalCode?: string;
  command?: string;
  response?: string;
  permanent?: boolean;
}

// a response to these concerns this mail; a response to others, such as AUTH and MAIL FROM, the operator's settings
const ABOUT_THE_MAIL = new Set(['RCPT TO', 'DATA']);
const NOT_REACHED = new Set(['ECONNECTION', 'ETIMEDOUT', 'ESOCKET', 'EDNS', 'ETLS', 'EAUTH']);
// by the signal: whatever the server was about to say took too long
const BROKEN_OFF = 'EABORT';

function failureOf(error: unknown): MailFailure {
  const { code, originalCode, command, response, permanent } = (
    error instanceof Error ? error : {}
  ) as TransportError;
  if (code === BROKEN_OFF) return new MailFailure('no answer in time', { reached: false });
  const isAboutTheMail = command !== undefined && ABOUT_THE_MAIL.has(command);
  const said = response === undefined ? '' : `: ${veil(response)}`;
  return new MailFailure(`${[command, originalCode ?? code ?? 'failed'].join(' ').trim()}${said}`, {
    permanent: permanent === true && isAboutTheMail,
    reached: isAboutTheMail || !NOT_REACHED.has(code ?? ''),
  });
}

/** Servers may quote addresses and parts of the message in their responses, which are stored and logged. */
function veil(answer: string): string {
  return answer
    .replace(/[\p{Cc}\p{Z}]+/gu, ' ')
    .replace(/\S+@\S+/g, '[address]')
    .replace(/\b\w+:\/\/\S+/g, '[link]')
    .replace(/[\w-]{24,}/g, '[...]')
    .slice(0, 200);
}
