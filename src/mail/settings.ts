import { readFileSync } from 'node:fs';
import type { Environment } from '../environment.ts';
import { readSender, type Sender } from './sender.ts';
import { type SmtpServer, smtpServer } from './smtp-url.ts';
import { readTemplates, type Templates } from './template-files.ts';

/** The settings for mail. */
export interface MailSettings {
  /** The mail server to send through; or `kept` for the developer instead of sent; or `off`, so that none is created. */
  readonly delivery: SmtpServer | 'kept' | 'off';
  readonly sender: Sender;
  readonly templates: Templates;
  readonly maxAttempts: number;
  /** How long one attempt may take. */
  readonly timeoutMs: number;
  readonly connections: number;
  readonly pollMs: number;
  /** How long the record of a sent or failed mail is kept. */
  readonly retentionMs: number;
}

/** What the mail variables refer to: a server and template files. */
export interface MailFiles {
  readonly server: SmtpServer | undefined;
  readonly templates: Templates;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Reads what the mail variables refer to.
 *
 * @param given variables by name, otherwise not validated yet
 * @returns the server and templates, or all problems; a problem names its variable and never contains a value
 */
export function readMailFiles(
  given: Record<string, string>,
): MailFiles | { problems: readonly string[] } {
  const smtp = readServer(given.SMTP_URL, given.NODE_ENV === 'production');
  const read = readTemplates(given.MAIL_TEMPLATES);
  if ('templates' in read && 'server' in smtp) {
    return { server: smtp.server, templates: read.templates };
  }
  return {
    problems: [
      ...('problem' in smtp ? [`SMTP_URL ${smtp.problem}`] : []),
      ...('problems' in read ? read.problems.map((problem) => `MAIL_TEMPLATES ${problem}`) : []),
    ],
  };
}

function readServer(
  smtpUrl: string | undefined,
  requireTls: boolean,
): { server: SmtpServer | undefined } | { problem: string } {
  if (smtpUrl === undefined) return { server: undefined };
  try {
    const readFile = (path: string) => readFileSync(path, 'utf8');
    return { server: smtpServer(smtpUrl, { requireTls, readFile }) };
  } catch (error) {
    const isExplained = error instanceof TypeError && !('code' in error);
    return {
      problem: isExplained ? error.message : 'names a CA file in `tls` that cannot be read',
    };
  }
}

/** Makes the mail settings from validated variables. */
export function mailSettings(
  variables: Environment,
  publicUrl: string,
  { server, templates }: MailFiles,
): MailSettings {
  const { hostname } = new URL(publicUrl);
  const sender = readSender(variables.MAIL_FROM ?? `Latchkey <no-reply@${hostname}>`);
  return {
    delivery: variables.MAIL === 'off' ? 'off' : (server ?? 'kept'),
    sender: { address: sender?.address ?? '', name: sender?.name || hostname },
    templates,
    maxAttempts: variables.MAIL_MAX_ATTEMPTS,
    timeoutMs: variables.MAIL_TIMEOUT * 1000,
    connections: variables.MAIL_CONNECTIONS,
    pollMs: variables.MAIL_POLL_INTERVAL * 1000,
    retentionMs: variables.MAIL_RETENTION_DAYS * DAY_MS,
  };
}
