import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newName, PASSWORD } from '../support/account.ts';
import { keepScreenshot, launchBrowser, NO_BROWSER, newDevice } from './support/browser.ts';
import { fill, goTo, press, seePage } from './support/person.ts';
import { type Service, startService } from './support/service.ts';

describe.skipIf(NO_BROWSER)('the account pages', () => {
  let service: Service;
  let browser: Browser;

  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), launchBrowser()]);
  });

  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  it('explore', async () => {
    const { page, complaints } = await newDevice(browser, service.url);
    const username = newName();
    await page.goto('/');
    await seePage(page, 'Sign in');
    await keepScreenshot(page, 'sign-in');
    await page.getByRole('link', { name: 'Create an account' }).click();
    await keepScreenshot(page, 'register');
    await fill(page, {
      'E-mail address': `${username}@example.com`,
      Password: PASSWORD,
    });
    await press(page, 'Create account');
    await seePage(page, /Welcome|Hello/);
    await keepScreenshot(page, 'overview');
    for (const name of ['Profile', 'Security', 'Sessions', 'Activity', 'Your data']) {
      await goTo(page, name);
      await seePage(page, name);
      await page.waitForTimeout(300);
      await keepScreenshot(page, name);
    }
    expect(complaints).toEqual([]);
  });
});
