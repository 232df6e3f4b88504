import { createTransport } from 'nodemailer';
import type { SmtpServer } from './smtp-url.ts';

/**
 * Finds out whether a mail server takes mail from us: connects, says EHLO, turns on TLS where it is meant to be, signs in
 * where there is a user. Sends nothing.
 *
 * @throws {Error} nodemailer's, whose `code` says what failed
 */
export async function probeSmtp(server: SmtpServer, timeoutMs: number): Promise<void> {
  const transport = createTransport({
    ...server,
    tls: { minVersion: 'TLSv1.2', ...server.tls },
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
