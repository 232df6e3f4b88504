// An endpoint that does nothing but hash: /verify checks a password against a hash as a sign-in must, /hash makes the
// hash of one as a registration must.

import { hash, verify } from 'argon2';
import { listen } from './listen.ts';
import { readPeerSettings } from './settings.ts';

const { argon2, password, passwordHash, hashConcurrency } = readPeerSettings();

const waiting: (() => void)[] = [];
let running = 0;

/** Runs at the most as many at a time as the service does. */
async function bounded(work: () => Promise<unknown>): Promise<void> {
  if (running < hashConcurrency) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

listen((request, response) => {
  request.resume();
  const isRegistration = request.url === '/hash';
  bounded(() => (isRegistration ? hash(password, argon2) : verify(passwordHash, password))).then(
    () => response.writeHead(200, { 'content-length': 2 }).end('ok'),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
