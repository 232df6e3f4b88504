// better-auth, set up as its documentation shows for MySQL with e-mail addresses and passwords. Settings differ from the
// defaults only to make the comparison fair, or to make better-auth faster:
// - passwords are hashed like the service's: same library, argon2id, same cost;
// - sessions are read from the database on every request, like the service's, so that an ended session is refused at once:
//   the cookie cache, which is off by default, stays off;
// - rate limits are off, like the service's, and so is telemetry;
// - session and account are read by one query instead of two (`joins`), as its performance guide recommends. Its own
//   migrations create the indexes that the guide asks for.

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
