import type { Pool } from 'mysql2/promise';
import { expect, it, vi } from 'vitest';
import type { PoolUpkeep } from '../../src/db/pool-upkeep.ts';
import { preparedPool } from '../../src/db/prepared-pool.ts';

it('breaks off a connection to a server that was left, which may have fallen silent', async () => {
  const left = { destroy: vi.fn(), stream: { destroy: vi.fn() } };
  const good = {
    execute: (_statement: unknown, _values: unknown, settle: Settle) => settle(null, []),
    release() {},
  };
  type Settle = (error: null, rows: unknown[]) => void;
  const free = [left, good];
  const pool = {
    getConnection: (take: (failure: null, got: unknown) => void) => take(null, free.shift()),
  };
  const upkeep: PoolUpkeep = {
    isNew: () => false,
    opened: () => undefined,
    released: () => undefined,
    isRetired: (connection) => (connection as unknown) === left,
    isAway: () => false,
    failed: () => undefined,
  };
  const options = { connections: 1, timeoutMs: 1000, upkeep };
  await preparedPool({ pool } as unknown as Pool, options).client.query('select 1');
  expect(left.stream.destroy).toHaveBeenCalledOnce();
});
