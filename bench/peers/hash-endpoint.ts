import { listen } from './listen.ts';
import { type PeerSettings, readPeerSettings } from './settings.ts';

/** The functions of an argon2 library. */
export interface Argon2 {
  hash(password: string, cost: PeerSettings['argon2']): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}

/**
 * An endpoint that only hashes: /verify checks a password against a hash, as every sign-in must, and /hash hashes a
 * password, as every registration must.
 */
export function serveHashing({ hash, verify }: Argon2): void {
  const { argon2, password, passwordHash, hashConcurrency } = readPeerSettings();
  const bounded = atMost(hashConcurrency);
  listen((request, response) => {
    request.resume();
    const isRegistration = request.url === '/hash';
    bounded(() => (isRegistration ? hash(password, argon2) : verify(passwordHash, password))).then(
      () => response.writeHead(200, { 'content-length': 2 }).end('ok'),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
}

/** Limits concurrent hashes to as many as the service runs. */
function atMost(concurrency: number): (work: () => Promise<unknown>) => Promise<void> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < concurrency) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
