import type { Variables } from '../../config.ts';
import { probeSmtp } from '../../mail/smtp-probe.ts';
import { type Finding, findingsOf } from './finding.ts';

const TIMEOUT_MS = 10_000;

const mail = findingsOf('mail');

/** Checks that the mail server can be reached and lets the service in; without one nothing is checked. */
export async function checkMail(env: Variables): Promise<Finding[]> {
  const smtpUrl = env.SMTP_URL?.trim();
  if (!smtpUrl) return [mail.ok('SMTP_URL is not set, so no mail server is needed.')];
  if (!URL.canParse(smtpUrl)) {
    return [mail.broken('SMTP_URL is no URL.', 'Write it as smtp://user:password@host:587.')];
  }
  try {
    await probeSmtp(smtpUrl, TIMEOUT_MS);
    return [mail.ok('The mail server lets the service in.')];
  } catch (error) {
    return [refused(smtpUrl, error)];
  }
}

function refused(smtpUrl: string, error: unknown): Finding {
  const { host } = new URL(smtpUrl);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
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
      `No TLS comes about with the mail server at ${host}.`,
      'Use the host name that its certificate has, smtps:// for port 465 and smtp:// for 587.',
    );
  }
  return mail.broken(
    `The mail server at ${host} does not answer (${code}).`,
    'Correct host and port in SMTP_URL, or let the connection out of the firewall.',
  );
}
