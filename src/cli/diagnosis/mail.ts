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
  if (delivery === 'off') return [mail.ok('MAIL is off: no mail is written.')];
  if (delivery === 'kept') {
    if (config.profile !== 'production') {
      return [
        mail.ok('SMTP_URL is not set: mail is kept for the developer instead of being sent.'),
      ];
    }
    const mend = 'Set SMTP_URL, or MAIL=off if you want no mail.';
    return [
      mail.warning('SMTP_URL is not set: no mail is sent, so nobody can reset a password.', mend),
    ];
  }
  try {
    await probeSmtp(delivery, TIMEOUT_MS);
    return [mail.ok(`The mail server at ${delivery.host} accepts the service's login.`)];
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
      'Correct user and password in SMTP_URL; write characters that are special in URLs as %40 and so on.',
    );
  }
  if (
    code === 'ETLS' ||
    /certificate|self.signed/i.test(error instanceof Error ? error.message : '')
  ) {
    return mail.broken(
      `TLS with the mail server at ${host} fails (${originalCode}).`,
      'Use the host name in its certificate, and smtps:// for port 465 or smtp:// for 587. For a certificate authority of your own, add ?tls= with the path of its certificate.',
    );
  }
  return mail.broken(
    `The mail server at ${host}:${port} does not answer (${originalCode}).`,
    'Correct host and port in SMTP_URL, or allow the connection in the firewall.',
  );
}
