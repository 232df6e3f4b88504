import { afterAll, beforeAll, expect, it } from 'vitest';
import { transaction } from '../../../src/db/client.ts';
import { AuthError } from '../../../src/errors.ts';
import type { Deps } from '../../../src/flows/deps.ts';
import {
  type Attempt,
  type AttemptSubject,
  counterKey,
  withAttempt,
} from '../../../src/flows/steps/attempt.ts';
import { findCounter, reserveAttempt } from '../../../src/records/attempt-counter.ts';
import { newName } from '../../support/account.ts';
import { createTestApp, type TestApp } from '../../support/app.ts';

let app: TestApp;
let deps: Deps;
beforeAll(async () => {
  app = await createTestApp();
  deps = app.app.deps;
});
afterAll(() => app.close());

const newSubject = (): AttemptSubject => ({ kind: 'password', identifier: newName() });
const counterOf = (subject: AttemptSubject) => findCounter(deps.db, counterKey(deps, subject));
const attemptAt = (subject: AttemptSubject, work: (attempt: Attempt) => Promise<unknown>) =>
  withAttempt(deps, subject, () => new Error('locked'), work);
const deadlock = () => Object.assign(new Error('deadlock'), { errno: 1213 });

it.each(['succeed', 'fail'] as const)(
  'takes an attempt back whose transaction was undone after it was settled (%s)',
  async (settle) => {
    const subject = newSubject();
    let runs = 0;
    const attempt = attemptAt(subject, (made) =>
      transaction(deps.db, async (tx) => {
        // what the first run found has changed by the second
        if (++runs === 2) throw new AuthError('INVALID_CREDENTIALS');
        await made[settle](tx);
        throw deadlock();
      }),
    );
    await expect(attempt).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(runs).toBe(2);
    expect(await counterOf(subject)).toMatchObject({ pending: 0, failures: 0 });
  },
);

async function attemptBesideAnother(
  subject: AttemptSubject,
  settle: (attempt: Attempt) => Promise<unknown>,
): Promise<void> {
  const { limit, windowMs } = deps.config.attempts;
  const attempt = attemptAt(subject, async (made) => {
    await reserveAttempt(deps.db, counterKey(deps, subject), { limit, windowMs }, deps.now());
    await settle(made);
    throw new Error('the token could not be signed');
  });
  await expect(attempt).rejects.toThrow('signed');
}

it.each(['succeed', 'fail'] as const)(
  'leaves the attempts of others alone when something fails after it was settled (%s)',
  async (settle) => {
    const subject = newSubject();
    await attemptBesideAnother(subject, (made) =>
      transaction(deps.db, async (tx) => void (await made[settle](tx))),
    );
    expect(await counterOf(subject)).toMatchObject({ pending: 1 });
  },
);

it('is settled at once where there is no transaction', async () => {
  const subject = newSubject();
  await attemptBesideAnother(subject, (made) => made.succeed(deps.db));
  expect(await counterOf(subject)).toMatchObject({ pending: 1 });
});
