import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { deliverOnce, mailEnv, writeMail } from '../support/outbox.ts';

let server: MailServer;
let app: TestApp;

beforeAll(async () => {
  server = await startMailServer();
  app = await createTestApp({
    env: { ...mailEnv(server.port), METRICS_PORT: '0', LOG_LEVEL: 'silent' },
  });
});
afterAll(async () => {
  await app.close();
  await server.close();
});

async function figure(name: string): Promise<number> {
  const text = (await app.app.deps.metrics?.read()) ?? '';
  const line = text.split('\n').find((line) => line.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

it('tell what came of each attempt, and what still waits', async () => {
  const outcomes = async () =>
    Promise.all(
      ['sent', 'deferred', 'failed'].map((outcome) =>
        figure(`latchkey_mail_attempts_total{outcome="${outcome}"}`),
      ),
    );
  const write = () => writeMail(app, { kind: 'password-changed' });
  expect(await outcomes()).toEqual([0, 0, 0]);
  await write();
  await deliverOnce(app);
  expect(await outcomes()).toEqual([1, 0, 0]);
  server.behave({ refuse: { at: 'recipient', answer: '550 5.1.1 nobody here' } });
  await write();
  await deliverOnce(app);
  expect(await outcomes()).toEqual([1, 0, 1]);
  server.behave({ refuse: { at: 'recipient', answer: '450 4.2.1 not now' } });
  await write();
  await deliverOnce(app);
  expect(await outcomes()).toEqual([1, 1, 1]);
  expect(await figure('latchkey_mails{state="pending"}')).toBe(1);
  expect(await figure('latchkey_mails{state="failed"}')).toBe(1);
  expect(await figure('latchkey_job_rows_total{task="mail"}')).toBe(3);
});

it('tell that the outbox cannot be worked on', async () => {
  const failed = () => figure('latchkey_job_runs_total{task="mail",outcome="failed"}');
  const succeeded = () => figure('latchkey_job_runs_total{task="mail",outcome="ok"}');
  expect(await failed()).toBeNaN();
  const before = await succeeded();
  const deps = {
    ...app.app.deps,
    now: () => {
      throw new Error('no time');
    },
  };
  await deliverOnce({ ...app, app: { ...app.app, deps } });
  expect(await failed()).toBe(1);
  expect(await succeeded()).toBe(before);
});
