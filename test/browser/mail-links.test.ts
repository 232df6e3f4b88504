import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerUser } from '../support/account.ts';
import { confirmAddress, kindsTo, tokenTo } from '../support/mailbox.ts';
import { type Device, launchBrowser, NO_BROWSER, newDevice } from './support/browser.ts';
import { fill, goTo, press, seePage, signIn } from './support/person.ts';
import { type Service, startService } from './support/service.ts';

const NEW_PASSWORD = 'five other words in line';

/** What the links of messages open. */
describe.skipIf(NO_BROWSER)('the link', () => {
  let service: Service;
  let browser: Browser;
  let device: Device;

  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), launchBrowser()]);
    device = await newDevice(browser, service.url);
  });

  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  const open = async (path: string, token: string) => {
    // another document: a link of a message never opens in the page that is there
    await device.page.goto('about:blank');
    await device.page.goto(`${path}#token=${token}`);
  };

  it('for a forgotten password sets another, once', async () => {
    const { page } = device;
    const user = await registerUser(service);
    await confirmAddress(service, user);
    await page.goto('/sign-in');
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await fill(page, { 'E-mail address': user.email });
    await press(page, 'Send link');
    await seePage(page, 'Check your e-mail');
    const token = await tokenTo(service, user.email, 'reset-password');
    await open('/reset-password', token);
    await fill(page, { 'New password': 'password' });
    await press(page, 'Set password');
    await page.getByText('attackers try first').waitFor();
    await fill(page, { 'New password': NEW_PASSWORD });
    await press(page, 'Set password');
    await page.getByText('Your password is set').waitFor();
    await signIn(page, user.email, NEW_PASSWORD);
    await seePage(page, /^Hello/);
    await open('/reset-password', token);
    await fill(page, { 'New password': NEW_PASSWORD });
    await press(page, 'Set password');
    await seePage(page, 'This link is no longer valid');
    await device.context.clearCookies();
  });

  it('to confirm an address asks to sign in first, and comes back', async () => {
    const { page } = device;
    const user = await registerUser(service);
    await open('/verify-email', await tokenTo(service, user.email, 'verify-email'));
    await seePage(page, 'Sign in to confirm this address');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await seePage(page, 'Sign in');
    await fill(page, { 'E-mail address or username': user.email, Password: user.password });
    await press(page, 'Sign in');
    await seePage(page, 'Confirm your e-mail address');
    // nobody loses a password because the page was left open for long
    service.clock.advance(16 * 60);
    await press(page, 'Confirm');
    await seePage(page, 'Your address is confirmed');
    await page.getByRole('link', { name: 'Go to your account' }).click();
    await seePage(page, /^Hello/);
    expect(await kindsTo(service, user.email)).not.toContain('reset-password');

    const other = await registerUser(service);
    await open('/verify-email', await tokenTo(service, other.email, 'verify-email'));
    await seePage(page, 'Is this link for another account?');
    await press(page, 'Sign out and continue');
    await seePage(page, 'Sign in to confirm this address');
  });

  it('to confirm an address that a stranger registered makes the account its own', async () => {
    const { page } = device;
    const user = await registerUser(service);
    await open('/verify-email', await tokenTo(service, user.email, 'verify-email'));
    await page.getByText('I cannot sign in, or I did not create this account').click();
    await press(page, 'Confirm without signing in');
    await seePage(page, 'Your address is confirmed');
    await open('/reset-password', await tokenTo(service, user.email, 'reset-password'));
    await fill(page, { 'New password': NEW_PASSWORD });
    await press(page, 'Set password');
    await signIn(page, user.email);
    await page.getByText('Incorrect e-mail address, username or password').waitFor();
    await fill(page, { Password: NEW_PASSWORD });
    await press(page, 'Sign in');
    await seePage(page, /^Hello/);
  });

  it('to a new address puts it in force, and the one to the old address undoes that', async () => {
    const { page } = device;
    await device.context.clearCookies();
    const user = await registerUser(service);
    await confirmAddress(service, user);
    await signIn(page, user.email);
    await goTo(page, 'Profile');
    const newEmail = `new-${user.email}`;
    await fill(page, { 'New e-mail address': newEmail, 'Your password': user.password });
    await press(page, 'Change address');
    await page.getByText('We have sent a link to the new address').waitFor();
    service.clock.advance(1);
    await press(page, 'Send a new link');
    await page.getByText('Earlier links no longer work').waitFor();
    await open('/verify-email', await tokenTo(service, newEmail, 'confirm-email-change'));
    await press(page, 'Confirm');
    await seePage(page, 'Your address is confirmed');
    await page.goto('/profile');
    await page.getByRole('main').getByText(newEmail).waitFor();

    await open('/undo-email-change', await tokenTo(service, user.email, 'email-changed'));
    await seePage(page, 'Undo the change of address');
    await press(page, 'Undo the change');
    await page.getByText('Your previous address is restored').waitFor();
    expect(await kindsTo(service, user.email)).toContain('reset-password');
  });

  it('meets no error and no violation of the policy', () => {
    expect(device.complaints).toEqual([]);
  });
});
