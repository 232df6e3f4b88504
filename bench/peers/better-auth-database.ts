import type { BetterAuthOptions } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { createConnection, createPool, type Pool } from 'mysql2/promise';
import { connectionOptions } from '../../src/db/connection.ts';
import { emailOf } from '../population.ts';
import type { PeerSettings } from './settings.ts';

const DATABASE = 'better_auth';

/** Creates an empty database on the common server. @returns a pool as in better-auth's docs, as large as the service's */
export async function openBetterAuthDatabase(settings: PeerSettings): Promise<Pool> {
  const { database: _theirs, ...server } = connectionOptions(settings.databaseUrl, () => '');
  const connection = await createConnection(server);
  await connection.query(`drop database if exists ${DATABASE}`);
  await connection.query(`create database ${DATABASE} character set utf8mb4`);
  await connection.end();
  return createPool({
    ...server,
    database: DATABASE,
    timezone: 'Z',
    connectionLimit: settings.databaseConnections,
  });
}

/** Creates better-auth's tables by its own migrations, with as many accounts as the service has and the same password. */
export async function fillBetterAuthDatabase(
  pool: Pool,
  options: BetterAuthOptions,
  { accounts, passwordHash }: PeerSettings,
): Promise<void> {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  const now = new Date();
  const numbers = Array.from({ length: accounts }, (_, number) => number);
  await pool.query(
    'insert into user (id, name, email, emailVerified, createdAt, updatedAt) values ?',
    [numbers.map((n) => [`user-${n}`, `Somebody ${n}`, emailOf(n), true, now, now])],
  );
  await pool.query(
    'insert into account (id, accountId, providerId, userId, password, createdAt, updatedAt) values ?',
    [
      numbers.map((n) => [
        `account-${n}`,
        `user-${n}`,
        'credential',
        `user-${n}`,
        passwordHash,
        now,
        now,
      ]),
    ],
  );
}
