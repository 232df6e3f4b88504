import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

/** A mail as the server received it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  user: string | undefined;
  secure: boolean;
  raw: string;
  mail: Email;
}

/** What the server does with mails from now on. */
export interface Behaviour {
  /** Refuses a recipient, a message or a password with an answer such as `550 5.1.1 nobody here`. */
  refuse?: { at: 'recipient' | 'message' | 'password'; answer: string };
  /** Delays the answer to a message until this resolves. */
  hold?: Promise<unknown>;
}

/** A real SMTP server that keeps the mails it receives. */
export interface MailServer {
  port: number;
  received: ReceivedMail[];
  /** The number of messages that have arrived in full, whether or not they have been answered. */
  arrivals(): number;
  behave(next: Behaviour): void;
  /** Resolves once this many messages have arrived; only the test's own time limit ends the wait. */
  arrived(count: number): Promise<void>;
  /** Resolves once this many messages have been received. */
  taken(count: number): Promise<void>;
  close(): Promise<void>;
}

/** @param tls offers STARTTLS with a self-signed certificate */
export async function startMailServer(tls = false): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  let behaviour: Behaviour = {};
  let arrivals = 0;
  const refusal = (at: string) => {
    if (behaviour.refuse?.at !== at) return null;
    const [code = ''] = behaviour.refuse.answer.split(' ', 1);
    const error = new Error(behaviour.refuse.answer.slice(code.length + 1));
    return Object.assign(error, { responseCode: Number(code) });
  };
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    hideSTARTTLS: !tls,
    logger: false,
    closeTimeout: 100,
    onAuth: ({ username }, _session, done) => done(refusal('password'), { user: username ?? '' }),
    onRcptTo: (_address, _session, done) => done(refusal('recipient')),
    onData(stream, session, done) {
      const take = async () => {
        const raw = await text(stream);
        // the stream also ends normally if the connection breaks in the middle of a message
        if (!/--\s*$/.test(raw)) throw new Error('the message broke off');
        arrivals++;
        await behaviour.hold;
        const error = refusal('message');
        if (error !== null) throw error;
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: typeof session.user === 'string' ? session.user : undefined,
          secure: session.secure,
          raw,
          mail: await PostalMime.parse(raw),
        });
      };
      take().then(
        () => done(),
        (error) => done(error),
      );
    },
  });
  // ignore the errors of connections that a test breaks on purpose
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    arrivals: () => arrivals,
    behave(next) {
      behaviour = next;
    },
    arrived: (count) => until(() => arrivals >= count),
    taken: (count) => until(() => received.length >= count),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}
