import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerUser, type TestUser } from '../support/account.ts';
import { type Device, launchBrowser, NO_BROWSER, newDevice } from './support/browser.ts';
import { goTo, press, seePage, signIn } from './support/person.ts';
import { type Service, startService } from './support/service.ts';

describe.skipIf(NO_BROWSER)('three tabs', () => {
  let service: Service;
  let browser: Browser;
  let user: TestUser;
  let device: Device;
  let tabs: Page[];

  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), launchBrowser()]);
    user = await registerUser(service, { displayName: 'Ada' });
    device = await newDevice(browser, service.url);
    await signIn(device.page, user.username);
    await seePage(device.page, 'Hello, Ada');
    tabs = [device.page, await device.context.newPage(), await device.context.newPage()];
    for (const tab of tabs.slice(1)) {
      await tab.goto('/');
      await seePage(tab, 'Hello, Ada');
    }
  });

  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  const refreshes = () => device.operations.filter((name) => name === 'LatchkeyRefresh').length;

  it('refresh an expired session once between them, and stay signed in', async () => {
    service.clock.advance(16 * 60);
    await Promise.all(tabs.map((tab) => goTo(tab, 'Sessions')));
    await Promise.all(tabs.map((tab) => tab.getByText('This device').waitFor()));
    expect(refreshes()).toBe(1);
  });

  it('show when one of them ends another session', async () => {
    const [first, second] = tabs as [Page, Page];
    await press(first, 'End session: Unknown device');
    await first.getByText('Session ended: Unknown device.').waitFor();
    await goTo(second, 'Overview');
    await goTo(second, 'Sessions');
    await expect.poll(() => second.locator('.row').count()).toBe(1);
  });

  it('refresh once when they are opened again', async () => {
    service.clock.advance(16 * 60);
    await Promise.all(tabs.map((tab) => tab.reload()));
    await Promise.all(tabs.map((tab) => tab.getByText('This device').waitFor()));
    expect(refreshes()).toBe(2);
  });

  it('stay signed in while the service cannot be reached', async () => {
    service.clock.advance(16 * 60);
    const [tab] = tabs as [Page];
    await device.context.setOffline(true);
    await goTo(tab, 'Activity');
    await tab.getByText('The service cannot be reached').waitFor();
    await device.context.setOffline(false);
    await goTo(tab, 'Your data');
    await goTo(tab, 'Activity');
    await tab.getByText('Signed in').first().waitFor();
    expect(refreshes()).toBe(3);
    device.complaints.length = 0;
  });

  it('are all signed out when one of them is, and signed in again together', async () => {
    const [first, ...others] = tabs as [Page, ...Page[]];
    await press(first, 'Sign out');
    for (const tab of tabs) await tab.getByText('You are signed out.').waitFor();
    await signIn(first, user.username);
    await seePage(first, 'Hello, Ada');
    for (const tab of others)
      await tab.getByRole('button', { name: 'Sign out', exact: true }).waitFor();
  });

  it('are told together, and without a loop, when the session was ended elsewhere', async () => {
    const before = device.operations.length;
    const elsewhere = await newDevice(browser, service.url);
    await signIn(elsewhere.page, user.username);
    await goTo(elsewhere.page, 'Sessions');
    await press(elsewhere.page, 'Sign out everywhere');
    await seePage(elsewhere.page, 'Sign in');
    const [first] = tabs as [Page];
    await goTo(first, 'Activity');
    for (const tab of tabs) await tab.getByText('Your session has ended').waitFor();
    const since = device.operations.slice(before);
    expect(since.filter((name) => name === 'LatchkeyRefresh')).toHaveLength(1);
    expect(since.length).toBeLessThan(12);
    expect(device.complaints).toEqual([]);
  });
});
