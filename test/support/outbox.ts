import { transaction } from '../../src/db/client.ts';
import { createMailDelivery, type MailDelivery } from '../../src/flows/mail-delivery.ts';
import { writeTo } from '../../src/flows/steps/mailing.ts';
import type { MailMessage } from '../../src/mail/message.ts';
import { createSmtpTransport } from '../../src/mail/transport.ts';
import type { TestApp } from './app.ts';
import { runSql } from './database.ts';

/** Settings for a service that mails to the tests' server, and only when a test triggers it. */
export function mailEnv(port: number): Record<string, string> {
  return {
    SMTP_URL: `smtp://127.0.0.1:${port}?tls=off`,
    MAIL_FROM: 'Example <no-reply@example.com>',
    MAIL_POLL_INTERVAL: '3600',
  };
}

/** Writes a mail to the outbox, as the service would. */
export async function writeMail(
  { app }: TestApp,
  message: MailMessage,
  to: { id?: string; email?: string; phrase?: string } = {},
): Promise<void> {
  const recipient = { id: null, email: 'ada@example.org', phrase: null, ...to };
  await transaction(app.deps.db, (tx) => writeTo(app.deps, tx, recipient, message));
}

/** The part that sends an app's mails, as a separate instance. */
export function newDelivery({ app }: TestApp): MailDelivery {
  const { delivery, sender, connections, timeoutMs } = app.deps.config.mail;
  if (typeof delivery === 'string') throw new Error('There is no mail server.');
  const transport = createSmtpTransport({ server: delivery, sender, connections, timeoutMs });
  return createMailDelivery(app.deps, transport);
}

/** Sends the mails that are due now. */
export async function deliver(delivery: MailDelivery): Promise<void> {
  delivery.wake();
  await delivery.idle();
}

/** Sends the mails of an app that are due now, by a delivery of its own. */
export async function deliverOnce(app: TestApp): Promise<void> {
  const delivery = newDelivery(app);
  await deliver(delivery);
  await delivery.close();
}

/** A row of the outbox. */
export interface StoredMail {
  id: Buffer;
  state: string;
  attempts: number;
  envelope: Buffer | null;
  due_at: Date;
  finished_at: Date | null;
  last_error: string | null;
}

/** The rows of the outbox, oldest first. */
export function storedMails(app: TestApp): Promise<StoredMail[]> {
  return runSql<StoredMail>(app.databaseUrl, 'select * from outbox order by id');
}
