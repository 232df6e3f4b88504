import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, registerUser, setRole, type TestUser } from '../support/account.ts';
import { changeEmail } from '../support/mailbox.ts';
import { bringAxe, seeNoBarrier } from './support/axe.ts';
import {
  type Device,
  type DeviceOptions,
  keepScreenshot,
  launchBrowser,
  NO_BROWSER,
  newDevice,
} from './support/browser.ts';
import { press, seePage, signIn } from './support/person.ts';
import { type Service, startService } from './support/service.ts';

const VISITORS_PAGES = [
  ['/sign-in', 'Sign in'],
  ['/register', 'Create an account'],
  ['/forgotten-password', 'Reset your password'],
  ['/reset-password#token=some', 'Choose a password'],
  ['/accept-invitation#token=some', 'Welcome'],
  ['/verify-email#token=some', 'Sign in to confirm this address'],
  ['/undo-email-change#token=some', 'Undo the change of address'],
  ['/verify-email', 'This link is no longer valid'],
] as const;

const OWN_PAGES = [
  ['/', 'Hello, Grace Hopper'],
  ['/profile', 'Profile'],
  ['/security', 'Security'],
  ['/sessions', 'Sessions'],
  ['/activity', 'Activity'],
  ['/data', 'Your data'],
  ['/nowhere', 'Page not found'],
  ['/verify-email#token=some', 'Confirm your e-mail address'],
] as const;

const ADMIN_PAGES = [
  ['/admin', 'Dashboard'],
  ['/admin/users', 'Users'],
  ['/admin/users/new', 'New user'],
  ['/admin/users/:id', 'Alan Turing'],
  ['/admin/audit', 'Audit log'],
] as const;

const WINDOWS: readonly (readonly [name: string, options: DeviceOptions])[] = [
  ['wide-light', {}],
  ['phone-dark', { width: 360, height: 740, dark: true }],
];

/** Every page in both colour schemes, wide and on a phone. */
describe.skipIf(NO_BROWSER)('the pages', () => {
  let service: Service;
  let browser: Browser;
  let grace: TestUser;
  let alan: TestUser;

  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), launchBrowser()]);
    grace = await registerUser(service, {
      displayName: 'Grace Hopper',
      username: 'grace',
      phrase: 'a moth in the relay',
    });
    await setRole(service, grace, 'ADMIN');
    alan = await registerUser(service, { displayName: 'Alan Turing', username: 'alan' });
    for (const displayName of ['Ada Lovelace', 'Edsger Dijkstra', 'Barbara Liskov']) {
      await registerUser(service, { displayName });
    }
    await changeEmail(service, alan, 'turing@example.org');
    await service.gql(
      'mutation { login(input: { identifier: "alan", password: "wrong" }) { __typename } }',
    );
  });

  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  describe.each(WINDOWS)('%s', (window, options) => {
    let device: Device;

    beforeAll(async () => {
      device = await newDevice(browser, service.url, options);
      await bringAxe(device.context);
    });

    it.each(VISITORS_PAGES)('%s', (path, heading) => look(path, heading, 'visitor'));

    it('take the password of an administrator', async () => {
      await signIn(device.page, 'grace', PASSWORD);
      await seePage(device.page, /^Hello/);
      if (options.width === undefined) return;
      await press(device.page, 'Menu');
      await device.page.getByRole('link', { name: 'Audit log' }).waitFor();
      await keepScreenshot(device.page, `menu-${window}`);
    });

    it.each([...OWN_PAGES, ...ADMIN_PAGES])('%s', (path, heading) =>
      look(path.replace(':id', alan.id), heading, 'admin'),
    );

    it('have no error and no violation of their policy', () => {
      expect(device.complaints).toEqual([]);
    });

    async function look(path: string, heading: string, who: string): Promise<void> {
      const { page } = device;
      await page.goto(path);
      await seePage(page, heading);
      await page.getByText('Loading').waitFor({ state: 'detached' });
      const name = path.replace(alan.id, 'user').replace(/#.*/, '').replaceAll('/', '-');
      await keepScreenshot(page, `${who}${name}-${heading.split(' ')[0]}-${window}`);
      await seeNoBarrier(page);
      const overflow = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }
  });
});
