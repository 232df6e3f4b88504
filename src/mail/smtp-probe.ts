import { createTransport } from 'nodemailer';
import type { SmtpServer } from './smtp-url.ts';

/**
 * Tests whether a mail server would accept mail from us: connects, sends EHLO, starts TLS if configured, and signs in
 * if there is a user. Sends no mail.
 *
 * @throws {Error} from nodemailer; its `code` says what failed
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
