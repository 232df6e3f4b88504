import { setTimeout as delay } from 'node:timers/promises';
import { MissingSecretError } from '../crypto/cipher.ts';
import { transaction } from '../db/client.ts';
import { driverError, failureClass } from '../db/failure.ts';
import { waitAtMost } from '../deadlines.ts';
import type { MailMessage } from '../mail/message.ts';
import { renderMail } from '../mail/rendering.ts';
import { MailFailure, type MailTransport } from '../mail/transport.ts';
import {
  deferMail,
  giveMailUp,
  markMailSent,
  openEnvelope,
  retryMails,
  type TakenMail,
  takeDueMail,
} from '../records/mail-delivery.ts';
import type { Deps } from './deps.ts';

type DeliveryDeps = Pick<Deps, 'db' | 'config' | 'keyring' | 'logger' | 'metrics' | 'now'>;

/** Sends what is due in the outbox. Any number of instances on one database may do so. */
export interface MailDelivery {
  /** Looks for due mails, unless as many are being sent already as may be at the same time. */
  wake(): void;
  /** Resolves when nothing is being sent. */
  idle(): Promise<void>;
  /**
   * Takes no more mails, gives those being sent some time to finish, and aborts the rest, which are due again later.
   */
  close(): Promise<void>;
}

const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 3_600_000;
// how much longer a lease is than the longest attempt: time to record the outcome
const SETTLING_MS = 60_000;
const SETTLE_AGAIN_MS = 1000;
const CLOSE_MS = 5000;

/** @param transport closed together with the delivery */
export function createMailDelivery(deps: DeliveryDeps, transport: MailTransport): MailDelivery {
  const { logger, metrics } = deps;
  const { connections } = deps.config.mail;
  const lanes = new Set<Promise<void>>();
  const closing = new AbortController();
  const broken = new AbortController();
  let troubled = false;

  /**
   * Sends one mail after the other until none is due. While it finds mails, it starts more lanes.
   *
   * @returns how many mails were tried
   */
  async function run(): Promise<number> {
    for (let tried = 0; ; tried++) {
      const mail = closing.signal.aborted ? null : await takeMail(deps);
      troubled = false;
      if (mail === null) return tried;
      open();
      const reached = await deliver(deps, transport, mail, broken.signal);
      // the mail server is unreachable, and the other mails would only use up their attempts
      if (!reached) return tried + 1;
    }
  }

  function open(): void {
    if (closing.signal.aborted || lanes.size >= connections) return;
    const startedAt = performance.now();
    const count = (tried: number | null) =>
      metrics?.jobRun('mail', (performance.now() - startedAt) / 1000, tried);
    const lane = run()
      .then(count, (error: unknown) => {
        count(null);
        // log once, and not every second while the database is down
        if (!troubled) {
          const failure = error instanceof Error ? failureClass(error) : 'unknown';
          const code = driverError(error)?.code;
          logger.warn({ failure, code }, 'the outbox cannot be worked on');
        }
        troubled = true;
      })
      .finally(() => lanes.delete(lane));
    lanes.add(lane);
  }

  async function idle(): Promise<void> {
    while (lanes.size > 0) await Promise.all(lanes);
  }

  return {
    wake: open,
    idle,
    async close() {
      closing.abort();
      await waitAtMost(CLOSE_MS, idle());
      broken.abort();
      await idle();
      transport.close();
    },
  };
}

/**
 * Retries mails now that were given up, or that wait for a later attempt. It leaves alone those that are being sent,
 * and those that are due before a lease that begins now would end.
 *
 * @param id only this mail; without it, all
 * @returns how many
 */
export function hastenMails(
  { db, config, now }: Pick<Deps, 'db' | 'config' | 'now'>,
  id?: string,
): Promise<number> {
  const at = now();
  return retryMails(db, at, leaseEnd(config, at), id);
}

function leaseEnd(config: DeliveryDeps['config'], from: Date): Date {
  return new Date(from.getTime() + config.mail.timeoutMs + SETTLING_MS);
}

/** Leases a mail and commits before anything is sent: if this instance dies, the mail is taken again. */
function takeMail({ db, config, now }: DeliveryDeps): Promise<TakenMail | null> {
  return transaction(db, (tx) => {
    const at = now();
    return takeDueMail(tx, at, leaseEnd(config, at));
  });
}

/**
 * Sends a leased mail and records the outcome.
 *
 * @returns whether the mail server could be reached
 */
async function deliver(
  deps: DeliveryDeps,
  transport: MailTransport,
  mail: TakenMail,
  broken: AbortSignal,
): Promise<boolean> {
  const { db, now, logger, metrics } = deps;
  const failure = await attempt(deps, transport, mail, broken);
  const facts = { mail: mail.id, kind: mail.kind, attempt: mail.attempts };
  if (failure === null) {
    await settle(() => markMailSent(db, mail.id, now()), broken);
    metrics?.mailTried('sent');
    logger.info(facts, 'mail sent');
    return true;
  }
  const { permanent, message, reached } = failure;
  if (permanent || mail.attempts >= deps.config.mail.maxAttempts) {
    await settle(() => giveMailUp(db, mail, message, now()), broken);
    metrics?.mailTried('failed');
    logger.error({ ...facts, failure: message }, 'mail given up; see `mail list --state failed`');
  } else {
    const dueAt = new Date(now().getTime() + retryDelayMs(mail.attempts));
    await settle(() => deferMail(db, mail, message, dueAt), broken);
    metrics?.mailTried('deferred');
    logger.warn({ ...facts, failure: message, dueAt }, 'mail not sent');
  }
  return reached;
}

/** @returns why the mail was not sent, or `null` when it was */
async function attempt(
  deps: DeliveryDeps,
  transport: MailTransport,
  { id, envelope }: TakenMail,
  broken: AbortSignal,
): Promise<MailFailure | null> {
  const { config, keyring, now } = deps;
  const signal = AbortSignal.any([AbortSignal.timeout(config.mail.timeoutMs), broken]);
  try {
    if (envelope === null) throw new MailFailure('there is nothing in it', { permanent: true });
    const mail = openEnvelope(keyring.keys('mail'), id, envelope);
    if (isPointless(mail.message, now())) {
      throw new MailFailure('its link has expired', { permanent: true });
    }
    const { templates, sender } = config.mail;
    const rendered = renderMail({ templates, sender, publicUrl: config.publicUrl }, mail);
    await transport.send({ ...rendered, id, to: mail.to, date: new Date(mail.at) }, signal);
    return null;
  } catch (error) {
    if (error instanceof MailFailure) return error;
    // not permanent: readable again once that entry of AUTH_SECRET is put back
    if (error instanceof MissingSecretError) return new MailFailure(error.message);
    return new MailFailure('the message could not be read or put into words');
  }
}

/** Whether a mail is only about a link, and the link has expired. A change of address is worth reporting without it. */
function isPointless(message: MailMessage, now: Date): boolean {
  if (message.kind === 'email-changed' || !('expiresAt' in message)) return false;
  return message.expiresAt <= now.getTime();
}

/**
 * Records an outcome, and retries while the database is unreachable: a mail that was sent but not recorded would be
 * sent twice. It gives up before the lease ends.
 */
async function settle(record: () => Promise<void>, broken: AbortSignal): Promise<void> {
  const end = performance.now() + SETTLING_MS / 2;
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (broken.aborted || performance.now() > end) throw error;
      await delay(SETTLE_AGAIN_MS);
    }
  }
}

/** How long to wait after an attempt: twice as long each time, with jitter to spread the mails after an outage. */
function retryDelayMs(attempts: number): number {
  const ms = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
  return ms * (0.8 + 0.4 * Math.random());
}
