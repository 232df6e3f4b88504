import { createConnection } from 'mysql2';
import { vi } from 'vitest';
import { connectionOptions } from '../../../src/db/connection.ts';
import type { TestApp } from '../../support/app.ts';

/** The SQL that runs until the answer is there, in the order in which it does. */
export async function statementsOf(app: TestApp, work: () => Promise<unknown>): Promise<string[]> {
  const connection = await createConnection(connectionOptions(app.databaseUrl, () => ''));
  await new Promise((resolve) => connection.end(resolve));
  // the prototype that the pool's connections have in common with this one
  let driver = Object.getPrototypeOf(connection);
  while (!Object.hasOwn(driver, 'execute')) driver = Object.getPrototypeOf(driver);
  const spies = [vi.spyOn(driver, 'execute'), vi.spyOn(driver, 'query')];
  try {
    await work();
    return spies.flatMap((spy) =>
      spy.mock.calls.map(([options]) => (options as { sql: string }).sql),
    );
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
