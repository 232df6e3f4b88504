import { createTransport } from 'nodemailer';

/**
 * Finds out whether a mail server takes mail from us: connects, says EHLO, turns on TLS where it is meant to be, signs in
 * where there is a user. Sends nothing.
 *
 * @param smtpUrl `smtp://user:password@host:587`, or `smtps://`
 * @throws {Error} nodemailer's, whose `code` and `response` say what failed
 */
export async function probeSmtp(smtpUrl: string, timeoutMs: number): Promise<void> {
  const transport = createTransport({
    url: smtpUrl,
    dnsTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  });
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}
