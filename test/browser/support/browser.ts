import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findBrowser } from '../../../scripts/browser-binary.js';

const SCREENSHOTS = join(import.meta.dirname, '../screenshots');

const executablePath = findBrowser();

if (executablePath === null) {
  if (process.env.CI) throw new Error('The tests in a browser need Chromium, and in CI they run.');
  process.stderr.write('\n  SKIPPED: the tests in a browser. There is no Chromium.\n\n');
}

/** Whether the tests in a browser cannot run on this machine. */
export const NO_BROWSER = executablePath === null;

export async function launchBrowser(): Promise<Browser> {
  if (executablePath === null) throw new Error('There is no Chromium.');
  return chromium.launch({
    executablePath,
    // the sandbox does not work for root, who runs the tests in containers
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/** A browser profile of its own: another person, or another device. */
export interface Device {
  context: BrowserContext;
  page: Page;
  /** What the console, the page or the policy had to complain of. */
  complaints: string[];
  /** The operations that were sent, in their order. */
  operations: string[];
}

export interface DeviceOptions {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** @param url of the service */
export async function newDevice(
  browser: Browser,
  url: string,
  options: DeviceOptions = {},
): Promise<Device> {
  const { width = 1200, height = 860, dark = false } = options;
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  const operations: string[] = [];
  context.on('page', (page) => {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      const name = /(?:query|mutation) (\w+)/.exec(request.postData() ?? '')?.[1];
      if (name !== undefined) operations.push(name);
    });
  });
  const page = await context.newPage();
  return { context, page, complaints, operations };
}

/** Keeps a picture of the whole page, for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}
