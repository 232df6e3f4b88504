import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { PASSWORD } from '../../support/account.ts';

/** Waits until the page with this heading is there. */
export async function seePage(page: Page, heading: string | RegExp): Promise<void> {
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

/** Waits until the keyboard is at the field of this name, or else the element of this id or text. */
export async function seeFocus(page: Page, name: string): Promise<void> {
  const focused = () =>
    page.evaluate<string>(
      '(({ name, id, textContent }) => name || id || textContent)(document.activeElement)',
    );
  await expect.poll(focused, { timeout: 15_000 }).toBe(name);
}

/** Goes to a page by the menu. */
export async function goTo(page: Page, link: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: link, exact: true }).click();
}

export async function press(page: Page, button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
}

export async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [label, text] of Object.entries(fields)) {
    await page.getByLabel(label, { exact: true }).filter({ visible: true }).fill(text);
  }
}

export async function signIn(page: Page, identifier: string, password = PASSWORD): Promise<void> {
  await page.goto('/sign-in');
  await fill(page, { 'E-mail address or username': identifier, Password: password });
  await press(page, 'Sign in');
}

export async function signOut(page: Page): Promise<void> {
  await press(page, 'Sign out');
  await seePage(page, 'Sign in');
}
