import { createClient } from 'redis';
import { openRedis } from './redis.ts';

/** What a Redis server says about itself. Facts that it does not let us ask for are absent. */
export interface RedisFacts {
  /** Such as `Redis 7.0.15` or `Valkey 8.0.1`. */
  readonly server: string | undefined;
  /** The version of Redis whose commands it knows. */
  readonly version: string | undefined;
  readonly evictionPolicy: string | undefined;
}

/**
 * Checks whether rate-limit hits can be counted in a Redis: counts one as the service does, within the service's time
 * limit, and then asks for facts about the server.
 *
 * @throws the error of the library or of Redis, when hits cannot be counted there
 */
export async function probeRedis(url: string, timeoutMs: number): Promise<RedisFacts> {
  let failure: unknown;
  const redis = await openRedis(url, {
    lost: (error) => {
      failure = error;
    },
    back: () => undefined,
  });
  const counts = redis.isUp();
  await redis.close();
  if (!counts) throw failure;
  // a Redis user who may count and nothing else is good enough
  return readFacts(url, timeoutMs).catch(() => factsIn(''));
}

async function readFacts(url: string, timeoutMs: number): Promise<RedisFacts> {
  const client = createClient({
    url,
    RESP: 2,
    socket: { connectTimeout: timeoutMs, reconnectStrategy: false },
  });
  // without a listener, a broken connection would crash the process
  client.on('error', () => undefined);
  const tooLate = setTimeout(() => client.destroy(), timeoutMs);
  try {
    await client.connect();
    return factsIn(await client.info());
  } finally {
    clearTimeout(tooLate);
    if (client.isOpen) client.destroy();
  }
}

function factsIn(info: string): RedisFacts {
  const fact = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = fact('redis_version');
  const valkey = fact('valkey_version');
  return {
    server: valkey === undefined ? version && `Redis ${version}` : `Valkey ${valkey}`,
    version,
    evictionPolicy: fact('maxmemory_policy'),
  };
}
