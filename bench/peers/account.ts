import { readFileSync } from 'node:fs';
import { createPool, type RowDataPacket } from 'mysql2/promise';
import { connectionOptions } from '../../src/db/connection.ts';
import type { PeerSettings } from './settings.ts';

/** The account in a peer's answer. */
export interface Account {
  id: string;
  email: string;
}

interface AccountRow extends RowDataPacket {
  id: Buffer;
  email: string;
}

const SELECT = 'select id, email from users where id = ?';

/**
 * Prepares the one query that the peers of signed-in requests run: a server-side prepared SELECT by primary key, on a pool
 * as large as the service's.
 *
 * @returns a function that reads the accounts in turn, one on each call
 */
export function createAccountReader(settings: PeerSettings): () => Promise<Account> {
  const pool = createPool({
    ...connectionOptions(settings.databaseUrl, (path) => readFileSync(path, 'utf8')),
    connectionLimit: settings.databaseConnections,
  });
  const ids = settings.accountIds.map((id) => Buffer.from(id, 'hex'));
  let turn = 0;
  return async () => {
    turn = (turn + 1) % ids.length;
    const [rows] = await pool.execute<AccountRow[]>(SELECT, [ids[turn] ?? null]);
    const [row] = rows;
    if (row === undefined) throw new Error('There is no such account.');
    return { id: row.id.toString('hex'), email: row.email };
  };
}
