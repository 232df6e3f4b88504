import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hastenMails } from '../../src/flows/mail-delivery.ts';
import { outboxFigures } from '../../src/records/mail-delivery.ts';
import { idOf } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { startChild } from '../support/child.ts';
import { dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { deliver, mailEnv, newDelivery, storedMails, writeMail } from '../support/outbox.ts';
import { startProxyTo, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const LATER = Date.UTC(2200, 0);
const NOTICE = { kind: 'password-changed' } as const;

let server: MailServer;
let proxy: TcpProxy;
let app: TestApp;

beforeAll(async () => {
  server = await startMailServer();
  proxy = await startProxyTo({ host: '127.0.0.1', port: server.port });
  app = await createTestApp({ env: { ...mailEnv(proxy.port), MAIL_TIMEOUT: '2' } });
});
afterAll(async () => {
  await app.close();
  await proxy.close();
  await server.close();
});
beforeEach(async () => {
  await runSql(app.databaseUrl, 'delete from outbox');
  server.received.length = 0;
  server.behave({});
  proxy.restore();
});

/** A delivery that ends with its test. */
function open(of = app) {
  const delivery = newDelivery(of);
  opened.push(delivery);
  return delivery;
}
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const delivery of opened.splice(0)) await delivery.close();
});

/** From now on no message is answered, until what this returns is called. */
function holdAnswers(): () => void {
  let answer = () => {};
  const hold = new Promise<void>((resolve) => {
    answer = resolve;
  });
  server.behave({ hold });
  return answer;
}

const only = async () => (await storedMails(app))[0];
const messageIds = () => server.received.map(({ mail }) => mail.messageId);

it('sends what is due, and erases what was in it', async () => {
  await writeMail(app, { kind: 'reset-password', token: 'a-token', expiresAt: LATER });
  expect((await only())?.envelope?.includes('a-token')).toBe(false);
  await deliver(open());
  const [received] = server.received;
  expect(received).toMatchObject({ from: 'no-reply@example.com', to: ['ada@example.org'] });
  expect(received?.mail).toMatchObject({
    subject: 'Choose a new password',
    from: { name: 'Example', address: 'no-reply@example.com' },
    to: [{ address: 'ada@example.org' }],
  });
  const link = 'http://localhost:4000/reset-password#token=a-token';
  expect(received?.mail.text).toContain(link);
  expect(received?.mail.html).toContain(`<a href="${link}">`);
  expect(received?.mail.headers).toContainEqual(
    expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' }),
  );
  const row = await only();
  expect(row).toMatchObject({ state: 'SENT', envelope: null, attempts: 1, last_error: null });
  expect(received?.mail.messageId).toBe(`<${idOf(row?.id)}@example.com>`);
  await deliver(open());
  expect(server.received).toHaveLength(1);
});

it('is done by the service itself, soon after the answer and without delaying it', async () => {
  const answer = holdAnswers();
  const own = await createTestApp({ env: { ...mailEnv(server.port), MAIL_POLL_INTERVAL: '1' } });
  const before = server.arrivals();
  await writeMail(own, NOTICE);
  await server.arrived(before + 1);
  answer();
  // closing lets what is under way finish
  await own.app.close();
  expect((await storedMails(own)).map(({ state }) => state)).toEqual(['SENT']);
  await dropDatabase(own.databaseUrl);
});

it('does not send what was not committed', async () => {
  const { db } = app.app.deps;
  const failing = db.transaction(async (tx) => {
    await writeMail({ ...app, app: { ...app.app, deps: { ...app.app.deps, db: tx } } }, NOTICE);
    throw new Error('the cause has failed');
  });
  await expect(failing).rejects.toThrow('the cause has failed');
  await deliver(open());
  expect(server.received).toEqual([]);
});

describe('while the mail server', () => {
  it('is down for an hour, keeps trying ever less often, and loses nothing', async () => {
    proxy.cut();
    for (let i = 0; i < 3; i++) await writeMail(app, NOTICE);
    const delivery = open();
    for (let minute = 0; minute < 60; minute++) {
      await deliver(delivery);
      app.clock.advance(60);
    }
    const waiting = await storedMails(app);
    expect(waiting.map(({ state }) => state)).toEqual(['PENDING', 'PENDING', 'PENDING']);
    for (const { attempts } of waiting) {
      expect(attempts).toBeGreaterThan(4);
      expect(attempts).toBeLessThan(12);
    }
    proxy.restore();
    app.clock.advance(2 * 3600);
    await deliver(delivery);
    expect(new Set(messageIds()).size).toBe(3);
    expect(server.received).toHaveLength(3);
  });

  it.each([
    ['cannot be reached', () => proxy.cut()],
    ['is silent', () => proxy.blackHole()],
  ])('%s, does not use up the attempts of all that waits', async (_how, fail) => {
    fail();
    for (let i = 0; i < 20; i++) await writeMail(app, NOTICE);
    await deliver(open());
    const attempts = (await storedMails(app)).map((mail) => mail.attempts);
    const { connections } = app.app.deps.config.mail;
    expect(attempts.reduce((sum, of) => sum + of)).toBeLessThanOrEqual(connections);
  });

  it('is silent, gives up in time and tries again', async () => {
    proxy.blackHole();
    await writeMail(app, NOTICE);
    const started = performance.now();
    await deliver(open());
    expect(performance.now() - started).toBeLessThan(4000);
    const silence = { last_error: 'no answer in time' };
    expect(await only()).toMatchObject({ state: 'PENDING', attempts: 1, ...silence });
    proxy.restore();
    app.clock.advance(60);
    await deliver(open());
    expect(server.received).toHaveLength(1);
  });

  it('never answers the message, gives up in time as well', async () => {
    const answer = holdAnswers();
    await writeMail(app, NOTICE);
    const started = performance.now();
    await deliver(open());
    expect(performance.now() - started).toBeLessThan(4000);
    expect(await only()).toMatchObject({ state: 'PENDING', attempts: 1 });
    answer();
    await server.taken(1);
  });

  it('refuses for now, tries again; what it said is kept without the address and the link', async () => {
    const answer = '451 4.7.1 <ada@example.org> later; see http://localhost:4000/x#token=a-token';
    server.behave({ refuse: { at: 'recipient', answer } });
    await writeMail(app, { kind: 'reset-password', token: 'a-token', expiresAt: LATER });
    await deliver(open());
    const row = await only();
    expect(row).toMatchObject({ state: 'PENDING', attempts: 1 });
    expect(row?.last_error).toContain('451 4.7.1 [address] later; see [link]');
    expect(row?.last_error).not.toMatch(/ada|token/);
    server.behave({});
    app.clock.advance(60);
    await deliver(open());
    expect(server.received).toHaveLength(1);
  });

  it.each(['recipient', 'message'] as const)(
    'refuses the %s for good, gives up at once, until the operator has it tried again',
    async (at) => {
      server.behave({ refuse: { at, answer: '550 5.1.1 no such mailbox' } });
      await writeMail(app, NOTICE);
      await deliver(open());
      expect(await only()).toMatchObject({ state: 'FAILED', attempts: 1 });
      app.clock.advance(86_400);
      server.behave({});
      await deliver(open());
      expect(server.received).toEqual([]);
      expect(await hastenMails(app.app.deps)).toBe(1);
      await deliver(open());
      expect(server.received).toHaveLength(1);
    },
  );

  it('is back, is given at once what the operator does not want to wait, and nothing that is being sent', async () => {
    proxy.cut();
    await writeMail(app, NOTICE);
    const delivery = open();
    for (let hour = 0; hour < 10; hour++) {
      await deliver(delivery);
      app.clock.advance(3600 * 1.3);
    }
    await deliver(delivery);
    const before = await only();
    expect(before?.attempts).toBeGreaterThan(9);
    proxy.restore();
    await deliver(delivery);
    expect(server.received).toEqual([]);
    expect(await hastenMails(app.app.deps)).toBe(1);
    expect(await only()).toMatchObject({ state: 'PENDING', attempts: 0 });
    const answer = holdAnswers();
    delivery.wake();
    await server.arrived(server.arrivals() + 1);
    // it is leased until after the longest attempt, and would be sent twice
    expect(await hastenMails(app.app.deps)).toBe(0);
    answer();
    await delivery.idle();
    expect(server.received).toHaveLength(1);
  });

  it('was away for so long that a link has expired, gets what is worth something without it', async () => {
    proxy.cut();
    const expiresAt = app.clock.now().getTime() + 1800_000;
    await writeMail(app, { kind: 'reset-password', token: 'a-token', expiresAt });
    await writeMail(app, { kind: 'email-changed', newEmail: 'x@y.z', token: 'b', expiresAt });
    await deliver(open());
    app.clock.advance(3600);
    proxy.restore();
    await deliver(open());
    expect(server.received.map(({ mail }) => mail.subject)).toEqual([
      expect.stringMatching(/e-mail|address/i),
    ]);
    const rows = await storedMails(app);
    expect(rows.sort((a, b) => a.state.localeCompare(b.state))).toMatchObject([
      { state: 'FAILED', last_error: 'its link has expired', finished_at: expect.any(Date) },
      { state: 'SENT' },
    ]);
  });

  it('refuses the password, tries again: that is for the operator to mend', async () => {
    server.behave({ refuse: { at: 'password', answer: '535 5.7.8 wrong' } });
    const url = `smtp://user:${encodeURIComponent('p@ss:w%rd')}@127.0.0.1:${server.port}?tls=off`;
    const { databaseUrl, clock } = app;
    const own = await createTestApp({
      databaseUrl,
      clock,
      env: { ...mailEnv(server.port), SMTP_URL: url },
    });
    for (let i = 0; i < 3; i++) await writeMail(own, NOTICE);
    await deliver(open(own));
    const rows = await storedMails(app);
    expect(rows.map(({ state }) => state)).toEqual(['PENDING', 'PENDING', 'PENDING']);
    // whoever cannot speak with the server does not use up the attempts of all that waits
    expect(rows.reduce((sum, { attempts }) => sum + attempts, 0)).toBeLessThanOrEqual(5);
    expect(rows.map(({ last_error }) => last_error).join()).not.toMatch(/p@ss/);
    server.behave({});
    app.clock.advance(60);
    await deliver(open(own));
    expect(server.received.map(({ user }) => user)).toEqual(['user', 'user', 'user']);
    await own.close();
  });

  it('drops the connection in the middle of the message, sends it once', async () => {
    proxy.cutAfter(/\r\nSubject: /);
    await writeMail(app, NOTICE);
    await deliver(open());
    expect(await only()).toMatchObject({ state: 'PENDING', attempts: 1 });
    proxy.restore();
    app.clock.advance(60);
    await deliver(open());
    expect(server.received).toHaveLength(1);
  });

  it('takes a message and its answer is lost, sends it again under the same Message-ID', async () => {
    proxy.cutAfter(/\r\n\.\r\n/);
    const before = server.arrivals();
    await writeMail(app, NOTICE);
    await deliver(open());
    await server.arrived(before + 1);
    proxy.restore();
    app.clock.advance(60);
    await deliver(open());
    expect(server.received).toHaveLength(2);
    expect(new Set(messageIds()).size).toBe(1);
  });
});

describe('TLS', () => {
  let secure: MailServer;
  beforeAll(async () => {
    secure = await startMailServer(true);
  });
  afterAll(() => secure.close());

  /** What comes of a mail to a server, by an SMTP_URL that ends so. */
  async function sendTo({ port }: MailServer, options: string, env: Record<string, string> = {}) {
    const { databaseUrl, clock } = app;
    const SMTP_URL = `smtp://127.0.0.1:${port}${options}`;
    const own = await createTestApp({
      databaseUrl,
      clock,
      env: { ...mailEnv(1), ...env, SMTP_URL },
    });
    await writeMail(own, NOTICE);
    await deliver(open(own));
    await own.close();
    return (await only())?.state;
  }

  it('is used where it is offered, and its certificate verified', async () => {
    expect(await sendTo(secure, '')).toBe('PENDING');
    expect(secure.received).toEqual([]);
  });

  it('need not be verified, and need not be used, where the operator says so', async () => {
    expect(await sendTo(secure, '?tls=insecure')).toBe('SENT');
    await runSql(app.databaseUrl, 'delete from outbox');
    expect(await sendTo(secure, '?tls=off')).toBe('SENT');
    expect(secure.received.map((mail) => mail.secure)).toEqual([true, false]);
  });

  it('must be offered in production, so that nobody on the way can take it away', async () => {
    const production = {
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://auth.test',
      RATE_LIMIT: 'on',
      LOG_LEVEL: 'silent',
    };
    expect(await sendTo(server, '', production)).toBe('PENDING');
    expect(server.received).toEqual([]);
    await runSql(app.databaseUrl, 'delete from outbox');
    expect(await sendTo(server, '?tls=off', production)).toBe('SENT');
  });
});

it('lets what is being sent finish when the service ends, but not for long', async () => {
  const answer = holdAnswers();
  const { databaseUrl, clock } = app;
  const own = await createTestApp({ databaseUrl, clock, env: mailEnv(server.port) });
  const before = server.arrivals();
  await writeMail(own, NOTICE);
  const delivery = newDelivery(own);
  delivery.wake();
  await server.arrived(before + 1);
  const started = performance.now();
  await delivery.close();
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(await only()).toMatchObject({ state: 'PENDING', attempts: 1 });
  answer();
  await server.taken(1);
  await own.close();
});

it('gives up after MAIL_MAX_ATTEMPTS, and figures tell of it', async () => {
  const { databaseUrl, clock } = app;
  const own = await createTestApp({
    databaseUrl,
    clock,
    env: { ...mailEnv(proxy.port), MAIL_MAX_ATTEMPTS: '3' },
  });
  proxy.cut();
  await writeMail(own, NOTICE);
  const figures = () => outboxFigures(own.app.deps.db, clock.now());
  const delivery = open(own);
  for (let attempt = 1; attempt <= 2; attempt++) {
    await deliver(delivery);
    clock.advance(3600);
  }
  expect(await figures()).toEqual({ pending: 1, failed: 0, oldestPendingSeconds: 7200 });
  await deliver(delivery);
  expect(await figures()).toEqual({ pending: 0, failed: 1, oldestPendingSeconds: 0 });
  expect((await only())?.envelope).not.toBeNull();
  proxy.restore();
  await own.close();
});

it('is taken up by another instance when the service is killed in the middle', async () => {
  const answer = holdAnswers();
  const before = server.arrivals();
  await writeMail(app, NOTICE);
  // the child goes by the real time, which this clock is ahead of
  await runSql(app.databaseUrl, 'update outbox set due_at = utc_timestamp(3)');
  const child = startChild('run-mail-delivery.ts', [app.databaseUrl, String(server.port)]);
  await server.arrived(before + 1);
  child.kill('SIGKILL');
  await child.exited;
  const [left] = await storedMails(app);
  expect(left).toMatchObject({ state: 'PENDING', attempts: 1 });
  const untilDue = (left?.due_at.getTime() ?? 0) - Date.now();
  expect(untilDue).toBeGreaterThan(30_000);
  expect(untilDue).toBeLessThan(120_000);

  const { databaseUrl } = app;
  const other = await createTestApp({ databaseUrl, env: mailEnv(proxy.port) });
  // as long as the lease lasts, the other might still be at it
  await deliver(open(other));
  expect(await only()).toMatchObject({ state: 'PENDING', attempts: 1 });
  other.clock.advance(120);
  const delivered = deliver(open(other));
  await server.arrived(before + 2);
  answer();
  await delivered;
  expect(await only()).toMatchObject({ state: 'SENT', envelope: null, attempts: 2 });
  expect(new Set(messageIds()).size).toBe(1);
  await other.close();
});

it('is drained by two instances, each mail exactly once', async () => {
  const { databaseUrl, clock } = app;
  const other = await createTestApp({ databaseUrl, clock, env: mailEnv(proxy.port) });
  const count = 60;
  for (let i = 0; i < count; i++) await writeMail(app, NOTICE, { email: `u${i}@example.org` });
  const recipients = () => server.received.flatMap(({ to }) => to);
  // a busy database ends a lane before all is sent; the next look at the outbox goes on
  for (let looks = 0; looks < 10 && recipients().length < count; looks++) {
    await Promise.all([deliver(open(app)), deliver(open(other)), deliver(open(other))]);
  }
  expect(recipients()).toHaveLength(count);
  expect(new Set(recipients()).size).toBe(count);
  const rows = await storedMails(app);
  expect(new Set(rows.map(({ state, attempts }) => `${state} ${attempts}`))).toEqual(
    new Set(['SENT 1']),
  );
  await other.close();
});

it('is not sent twice because the database was away when it had been sent', async () => {
  const { clock } = app;
  const databaseUrl = newDatabaseUrl();
  const database = await startTcpProxy(databaseUrl);
  const own = await createTestApp({
    databaseUrl: database.databaseUrl,
    clock,
    env: mailEnv(server.port),
  });
  const answer = holdAnswers();
  const before = server.arrivals();
  await writeMail(own, NOTICE);
  const delivered = deliver(open(own));
  await server.arrived(before + 1);
  database.cut();
  answer();
  await server.taken(1);
  while (database.refused() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  database.restore();
  await delivered;
  expect((await storedMails({ ...own, databaseUrl })).map(({ state }) => state)).toEqual(['SENT']);
  await own.app.close();
  await dropDatabase(databaseUrl);
  await database.close();
});

it('waits for the entry of AUTH_SECRET that it was encrypted under', async () => {
  await writeMail(app, NOTICE);
  const { databaseUrl, clock } = app;
  // a mail of another secret, as after a rotation that was cut short
  await runSql(databaseUrl, "update outbox set envelope = concat('????', substring(envelope, 5))");
  await deliver(open());
  expect(await only()).toMatchObject({
    state: 'PENDING',
    last_error: expect.stringContaining('AUTH_SECRET'),
  });
  expect(clock).toBe(app.clock);
});
