// better-auth as its documentation sets it up for MySQL, with e-mail addresses and passwords. What differs from its
// defaults is there so that the same is compared, or to make it faster:
// - passwords are hashed as the service's are, by the same library, argon2id at the same cost;
// - sessions are read from the database at each request, as the service's are, so that one that has ended is refused at
//   once: the cookie cache, which is off by default, stays off;
// - rate limits are off, as the service's are, and so is telemetry;
// - session and account are read by one query and not by two (`joins`), as its guide to performance advises. The indexes
//   that the guide asks for are those that its own migrations make.

import { hash, verify } from '@node-rs/argon2';
import { type BetterAuthOptions, betterAuth } from 'better-auth';
import { toNodeHandler } from 'better-auth/node';
import { fillBetterAuthDatabase, openBetterAuthDatabase } from './better-auth-database.ts';
import { listen } from './listen.ts';
import { readPeerSettings } from './settings.ts';

const settings = readPeerSettings();
const database = await openBetterAuthDatabase(settings);

const options: BetterAuthOptions = {
  database,
  baseURL: `http://127.0.0.1:${process.env.PORT}`,
  secret: 'benchmarks-only-4be1a07c9d3f52e8a6610f7d',
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, settings.argon2),
      verify: ({ hash: stored, password }) => verify(stored, password),
    },
  },
  session: { cookieCache: { enabled: false } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: 'error' },
  advanced: { database: { joins: true } },
};

await fillBetterAuthDatabase(database, options, settings);
listen(toNodeHandler(betterAuth(options)));
