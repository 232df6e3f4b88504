import type { Config } from '../../config.ts';
import { probeSmtp } from '../../mail/smtp-probe.ts';
import type { SmtpServer } from '../../mail/smtp-url.ts';
import { type Finding, findingsOf } from './finding.ts';

const TIMEOUT_MS = 10_000;

const mail = findingsOf('mail');

/**
 * Checks that the mail server can be reached and accepts the service's login.
 *
 * @param config `null` if it is invalid; that must be fixed first
 */
export async function checkMail(config: Config | null): Promise<Finding[]> {
  if (config === null) return [];
  const { delivery } = config.mail;
  if (delivery === 'off') return [mail.ok('MAIL is off: none is written.')];
  if (delivery === 'kept') {
    if (config.profile !== 'production') {
      return [mail.ok('SMTP_URL is not set; mail is kept for the developer, and not sent.')];
    }
    const mend = 'Set SMTP_URL, or MAIL=off if none is wanted.';
    return [
      mail.warning('SMTP_URL is not set: nobody gets a mail, and no password is reset.', mend),
    ];
  }
  try {
    await probeSmtp(delivery, TIMEOUT_MS);
    return [mail.ok(`The mail server at ${delivery.host} lets the service in.`)];
  } catch (error) {
    return [refused(delivery, error)];
  }
}

function refused({ host, port }: SmtpServer, error: unknown): Finding {
  const { code = 'unknown', originalCode = code } = error as {
    code?: string;
    originalCode?: string;
  };
  if (code === 'EAUTH') {
    return mail.broken(
      `The mail server at ${host} refuses the user or the password.`,
      'Correct user and password in SMTP_URL; characters with a meaning in URLs are written as %40 and so on.',
    );
  }
  if (
    code === 'ETLS' ||
    /certificate|self.signed/i.test(error instanceof Error ? error.message : '')
  ) {
    return mail.broken(
      `No TLS comes about with the mail server at ${host} (${originalCode}).`,
      'Use the host name that its certificate has, smtps:// for port 465 and smtp:// for 587; with a certificate authority of yours, ?tls= and the path of its certificate.',
    );
  }
  return mail.broken(
    `The mail server at ${host}:${port} does not answer (${originalCode}).`,
    'Correct host and port in SMTP_URL, or let the connection out of the firewall.',
  );
}
