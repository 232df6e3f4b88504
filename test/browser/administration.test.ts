import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newName, PASSWORD, registerAdmin, registerUser } from '../support/account.ts';
import { tokenTo } from '../support/mailbox.ts';
import { bringAxe, seeNoBarrier } from './support/axe.ts';
import {
  type Device,
  keepScreenshot,
  launchBrowser,
  NO_BROWSER,
  newDevice,
} from './support/browser.ts';
import { fill, goTo, press, seePage, signIn } from './support/person.ts';
import { type Service, startService } from './support/service.ts';

describe.skipIf(NO_BROWSER)('an administrator', () => {
  const invited = newName('edsger');
  let service: Service;
  let browser: Browser;
  let device: Device;

  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), launchBrowser()]);
    const admin = await registerAdmin(service);
    for (let index = 0; index < 22; index++) await registerUser(service);
    device = await newDevice(browser, service.url);
    await bringAxe(device.context);
    await signIn(device.page, admin.username);
    await goTo(device.page, 'Users');
    await seePage(device.page, 'Users');
  });

  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  /** Does something to the account that is shown, by its button and the dialog that asks back. */
  const act = async (label: string, done: string | RegExp) => {
    const { page } = device;
    await press(page, label);
    await page.getByRole('dialog').getByRole('button', { name: label, exact: true }).click();
    await page.getByRole('status').filter({ hasText: done }).waitFor();
  };

  const seeRows = (count: number) =>
    expect.poll(() => device.page.locator('.row').count(), { timeout: 15_000 }).toBe(count);

  it('pages through the users', async () => {
    const { page } = device;
    await page.getByText('23 accounts found').waitFor();
    await seeRows(20);
    await press(page, 'Older');
    await page.getByText('Page 2').waitFor();
    await seeRows(3);
    await press(page, 'Newer');
    await seeRows(20);
  });

  it('invites somebody, who chooses a password', async () => {
    const { page } = device;
    await page.getByRole('link', { name: 'New user' }).click();
    await seePage(page, 'New user');
    await fill(page, { 'E-mail address': `${invited}@example.com` });
    await page.getByLabel('Name', { exact: false }).first().fill('Edsger');
    await page.getByLabel('Application metadata').fill('{ "plan": ');
    await press(page, 'Create account');
    await page.getByText('This is not valid JSON.').waitFor();
    await page.getByLabel('Application metadata').fill('{ "plan": "gold" }');
    await press(page, 'Create account');
    await seePage(page, 'Edsger');

    const guest = await newDevice(browser, service.url);
    const token = await tokenTo(service, `${invited}@example.com`, 'invitation');
    await guest.page.goto(`/accept-invitation#token=${token}`);
    await seePage(guest.page, 'Welcome');
    await fill(guest.page, { 'New password': PASSWORD });
    await press(guest.page, 'Set password');
    await guest.page.getByText('Your password is set').waitFor();
    await signIn(guest.page, `${invited}@example.com`);
    await seePage(guest.page, 'Hello, Edsger');
    expect(guest.complaints).toEqual([]);
    await guest.page.goto('/admin');
    await seePage(guest.page, 'Page not found');
    await guest.context.close();
  });

  it('finds somebody, and does everything that can be done to an account', async () => {
    const { page } = device;
    await goTo(page, 'Users');
    await fill(page, { Search: 'EDSGER' });
    await press(page, 'Search');
    await page.getByText('1 account found').waitFor();
    expect(page.url()).toContain('search=EDSGER');
    await page.getByRole('link', { name: 'Edsger' }).click();
    await seePage(page, 'Edsger');
    await act('Unlock', 'The failed attempts have been cleared');
    await act('End all sessions', /^1 session ended/);
    await act('Make administrator', 'The role has been changed');
    await act('Remove administrator role', 'The role has been changed');
    await act('Disable', 'The account is disabled');
    await act('Enable', 'The account is enabled');
    await page.getByLabel('JSON object').fill('{ "plan": "silver" }');
    await press(page, 'Save metadata');
    await page.getByText('The metadata has been saved.').waitFor();
    await page.getByText('Application metadata changed').waitFor();
  });

  it('sees in the fields what the address asks for, and nothing of what was asked before', async () => {
    const { page } = device;
    const filters = async () => [
      await page.getByLabel('Search', { exact: true }).filter({ visible: true }).inputValue(),
      await page.getByLabel('Role').inputValue(),
    ];
    await page.goto('/admin/users?search=edsger&role=USER');
    await page.getByText('1 account found').waitFor();
    expect(await filters()).toEqual(['edsger', 'USER']);
    await goTo(page, 'Users');
    await page.getByText(/^[^1]\d* accounts found/).waitFor();
    expect(await filters()).toEqual(['', '']);
  });

  it('is told what cannot be done', async () => {
    const { page } = device;
    await goTo(page, 'Users');
    await page.getByLabel('Role').selectOption('ADMIN');
    await page.getByText('1 account found').waitFor();
    await page.locator('.row-link').click();
    await page.getByText('You', { exact: true }).waitFor();
    await press(page, 'Disable');
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
    await page.getByText('You cannot do this to your own account').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  });

  it('reads the audit log by type', async () => {
    const { page } = device;
    await goTo(page, 'Audit log');
    await page.getByLabel('Event').selectOption('USER_ROLE_CHANGED');
    await seeRows(2);
    expect(await page.locator('.row strong').allInnerTexts()).toEqual([
      'Role changed',
      'Role changed',
    ]);
  });

  it('deletes an account once its address was typed', async () => {
    const { page } = device;
    await goTo(page, 'Users');
    await fill(page, { Search: invited });
    await press(page, 'Search');
    await page.getByRole('link', { name: 'Edsger' }).click();
    await seePage(page, 'Edsger');
    await press(page, 'Delete account');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading').waitFor();
    await keepScreenshot(page, 'admin-dialog');
    await seeNoBarrier(page);
    await dialog.getByLabel(/^Type/).fill('somebody@else.com');
    await dialog.getByRole('button', { name: 'Delete account' }).click();
    await dialog.getByText('This does not match').waitFor();
    await dialog.getByLabel(/^Type/).fill(`${invited}@example.com`);
    await dialog.getByRole('button', { name: 'Delete account' }).click();
    await seePage(page, 'Users');
    await page.getByText('23 accounts found').waitFor();
  });

  it('met no error and no violation of the policy on the way', () => {
    expect(device.complaints).toEqual([]);
  });
});
