import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newName, nextTotpCode, PASSWORD, totpCode } from '../support/account.ts';
import { tokenTo } from '../support/mailbox.ts';
import { bringAxe, seeNoBarrier } from './support/axe.ts';
import {
  type Device,
  keepScreenshot,
  launchBrowser,
  NO_BROWSER,
  newDevice,
} from './support/browser.ts';
import { fill, goTo, press, seeFocus, seePage, signIn, signOut } from './support/person.ts';
import { type Service, startService } from './support/service.ts';

const NEW_PASSWORD = 'five other words in line';

/** The life of an account, as its owner lives it. Each test goes on where the one before ended. */
describe.skipIf(NO_BROWSER)('an account', () => {
  const username = newName();
  const email = `${username}@example.com`;
  let service: Service;
  let browser: Browser;
  let device: Device;
  let secret = '';
  let recoveryCodes: string[] = [];

  beforeAll(async () => {
    // so that the pages send nothing that they do not list
    const env = { PERSISTED_OPERATIONS: 'web/dist/operations.json' };
    [service, browser] = await Promise.all([startService(env), launchBrowser()]);
    device = await newDevice(browser, service.url);
    await bringAxe(device.context);
  });

  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  const signInWithCode = async (code: string, password = PASSWORD) => {
    await signIn(device.page, username, password);
    await seePage(device.page, 'Two-factor authentication');
    await fill(device.page, { 'Six-digit code': code });
    await press(device.page, 'Continue');
    await seePage(device.page, /^Hello/);
  };

  it('is registered, with every problem at its field', async () => {
    const { page } = device;
    await page.goto('/');
    await seePage(page, 'Sign in');
    await page.getByRole('link', { name: 'Create an account' }).click();
    await seePage(page, 'Create an account');
    await press(page, 'Create account');
    const address = page.getByLabel('E-mail address');
    expect(await address.getAttribute('aria-invalid')).toBe('true');
    await seeFocus(page, 'email');
    await fill(page, { 'E-mail address': 'no address', Password: 'password1' });
    await press(page, 'Create account');
    await page.locator('.problem', { hasText: /e-mail address/i }).waitFor();
    await keepScreenshot(page, 'register-problems');
    await seeNoBarrier(page);
    await fill(page, { 'E-mail address': email, Password: PASSWORD });
    await page.getByLabel('Username').fill(username);
    await press(page, 'Create account');
    await seePage(page, `Hello, ${username}`);
  });

  it('confirms its address by the mailed link', async () => {
    const { page } = device;
    const token = await tokenTo(service, email, 'verify-email');
    await page.goto(`/verify-email#token=${token}`);
    await seePage(page, 'Confirm your e-mail address');
    expect(page.url()).not.toContain(token);
    await press(page, 'Confirm');
    await seePage(page, 'Your address is confirmed');
    await page.getByRole('link', { name: 'Go to your account' }).click();
    await page.getByText('Confirmed', { exact: true }).waitFor();
  });

  it('is signed out of and in to', async () => {
    const { page } = device;
    await signOut(page);
    await signIn(page, email, 'not the password');
    await page.getByText('Incorrect e-mail address, username or password').waitFor();
    await seeFocus(page, 'password');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await seePage(page, `Hello, ${username}`);
  });

  it('can be walked through without a mouse', async () => {
    const { page } = device;
    await page.reload();
    await seePage(page, `Hello, ${username}`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await seeFocus(page, 'content');
    await goTo(page, 'Profile');
    await seePage(page, 'Profile');
    await seeFocus(page, 'Profile');
    await page.keyboard.press('Tab');
    await seeFocus(page, 'displayName');
    expect(await page.title()).toBe('Profile · Latchkey');
  });

  it('turns two-factor authentication on', async () => {
    const { page } = device;
    await goTo(page, 'Security');
    await fill(page, { 'Your password': PASSWORD });
    await press(page, 'Turn on');
    const key = page.locator('.secret');
    await key.waitFor();
    await keepScreenshot(page, 'totp-enrolment');
    await seeNoBarrier(page);
    secret = (await key.textContent())?.replaceAll(' ', '') ?? '';
    await fill(page, { 'Six-digit code': totpCode(secret, service.clock.now()) });
    await press(page, 'Confirm');
    await page.getByRole('heading', { name: 'Save your recovery codes' }).waitFor();
    recoveryCodes = await page.locator('.codes code').allTextContents();
    expect(recoveryCodes).toHaveLength(10);
    await keepScreenshot(page, 'recovery-codes');
    await seeNoBarrier(page);
    const [file] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')]);
    expect(readFileSync(await file.path(), 'utf8')).toContain(recoveryCodes[9]);
    await press(page, 'I have saved them');
    await page.getByText('You have 10 codes left').waitFor();
  });

  it('is signed in to with a code, and with a recovery code when the phone is lost', async () => {
    const { page } = device;
    await signOut(page);
    await signInWithCode(nextTotpCode(service, secret));
    await signOut(page);
    await signIn(page, username);
    await press(page, 'Lost your phone? Use a recovery code');
    await fill(page, { 'Recovery code': 'wrong-wrong-wrong' });
    await press(page, 'Continue');
    await page.getByText('This recovery code is incorrect').waitFor();
    await fill(page, { 'Recovery code': recoveryCodes[0] ?? '' });
    await press(page, 'Continue');
    await page.getByText('9 recovery codes left').waitFor();
  });

  it('gets new recovery codes, which void the earlier ones', async () => {
    const { page } = device;
    await goTo(page, 'Security');
    await page.getByText('Create ten new codes').click();
    await fill(page, { 'Your password': PASSWORD, Code: recoveryCodes[0] ?? '' });
    await press(page, 'Create new codes');
    await page.getByText('This code is incorrect').waitFor();
    await fill(page, { Code: recoveryCodes[1] ?? '' });
    await press(page, 'Create new codes');
    await page.getByRole('heading', { name: 'Save your recovery codes' }).waitFor();
    const codes = await page.locator('.codes code').allTextContents();
    expect(codes.filter((code) => recoveryCodes.includes(code))).toEqual([]);
    recoveryCodes = codes;
    await page.emulateMedia({ media: 'print' });
    await keepScreenshot(page, 'recovery-codes-on-paper');
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false);
    await page.emulateMedia({ media: 'screen' });
    await press(page, 'I have saved them');
  });

  it('gets another password, which signs other devices out', async () => {
    const other = await newDevice(browser, service.url);
    await signIn(other.page, username);
    await fill(other.page, { 'Six-digit code': nextTotpCode(service, secret) });
    await press(other.page, 'Continue');
    await seePage(other.page, /^Hello/);

    const { page } = device;
    await goTo(page, 'Sessions');
    await page.getByRole('button', { name: /^End / }).first().waitFor();
    await goTo(page, 'Security');
    await fill(page, { 'Current password': 'wrong', 'New password': NEW_PASSWORD });
    await press(page, 'Change password');
    await page.getByText('This password is incorrect.').waitFor();
    await fill(page, { 'Current password': PASSWORD });
    await press(page, 'Change password');
    await page.getByText('All other devices are signed out').waitFor();

    await goTo(other.page, 'Sessions');
    await other.page.getByText('Your session has ended').waitFor();
    expect(other.complaints).toEqual([]);
    await other.context.close();
    await goTo(page, 'Sessions');
    await page.getByText('This device').waitFor();
    expect(await page.getByRole('button', { name: /^End / }).count()).toBe(0);
  });

  it('turns two-factor authentication off', async () => {
    const { page } = device;
    await goTo(page, 'Security');
    await page.getByText('Turn it off or move to another phone').click();
    await fill(page, { 'Your password': NEW_PASSWORD, Code: recoveryCodes[1] ?? '' });
    await press(page, 'Turn off');
    await press(page, 'Turn on');
    await page.getByText('This field is required.').waitFor();
  });

  it('has its data exported', async () => {
    const { page } = device;
    await goTo(page, 'Your data');
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      press(page, 'Download my data'),
    ]);
    const data = readFileSync(await file.path(), 'utf8');
    expect(JSON.parse(data)).toBeTypeOf('object');
    expect(data).toContain(email);
  });

  it('is deleted', async () => {
    const { page } = device;
    await fill(page, { 'Your password': NEW_PASSWORD });
    await press(page, 'Delete my account');
    await page.getByText('Tick this box to confirm.').waitFor();
    await page.getByLabel('I want to delete my account permanently').check();
    await press(page, 'Delete my account');
    await page.getByText('Your account has been deleted.').waitFor();
    await signIn(page, username, NEW_PASSWORD);
    await page.getByText('Incorrect e-mail address, username or password').waitFor();
  });

  it('met no error and no violation of the policy on the way', () => {
    expect(device.complaints).toEqual([]);
  });
});
