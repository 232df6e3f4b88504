import { readFileSync } from 'node:fs';
import { hash } from '@node-rs/argon2';
import { newId } from '../src/crypto/id.ts';
import { openDatabase } from '../src/db/client.ts';
import { connectionOptions } from '../src/db/connection.ts';
import { users } from '../src/db/schema.ts';

/** Accounts in a database, numbered from 0, all with the same password. */
export interface Population {
  readonly accounts: number;
  /** The first account that no sign-in benchmark uses: repeated sign-ins would end the sessions that other ones rely on. */
  readonly firstReserved: number;
  readonly passwordHash: string;
  /** The ids of some of the accounts, in hexadecimal. */
  readonly someIds: readonly string[];
}

/** The cost of the password hashes, the same for the service and its peers. */
export const ARGON2_COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** The password of every account. */
export const PASSWORD = 'a long walk along the shore';
const BATCH = 500;
const SOME = 16;
const RESERVED = 100;

/** The e-mail address of an account. */
export function emailOf(number: number | string): string {
  return `bench-${number}@example.com`;
}

export function hashOfPassword(): Promise<string> {
  return hash(PASSWORD, ARGON2_COST);
}

/** Inserts accounts into a database that the service has migrated. */
export async function populate(databaseUrl: string, accounts: number): Promise<Population> {
  const connection = connectionOptions(databaseUrl, (path) => readFileSync(path, 'utf8'));
  const database = openDatabase({ connection, connections: 1, timeoutMs: 60_000 });
  const passwordHash = await hashOfPassword();
  const ids: string[] = [];
  try {
    for (let first = 0; first < accounts; first += BATCH) {
      const numbers = Array.from(
        { length: Math.min(BATCH, accounts - first) },
        (_, i) => first + i,
      );
      const rows = numbers.map((number) => accountRow(number, passwordHash));
      await database.db.insert(users).values(rows);
      ids.push(...rows.map((row) => row.id.replaceAll('-', '')));
    }
  } finally {
    await database.close();
  }
  return {
    accounts,
    firstReserved: accounts - RESERVED,
    passwordHash,
    someIds: ids.slice(0, SOME),
  };
}

function accountRow(number: number, passwordHash: string): typeof users.$inferInsert {
  const now = new Date();
  return {
    id: newId(now),
    email: emailOf(number),
    emailKey: emailOf(number),
    passwordHash,
    passwordChangedAt: now,
    role: 'USER',
    status: 'ACTIVE',
    appMetadata: {},
    createdAt: now,
    updatedAt: now,
  };
}
