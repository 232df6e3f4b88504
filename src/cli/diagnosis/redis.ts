import type { Config } from '../../config.ts';
import type { RedisFacts } from '../../db/redis-probe.ts';
import { type Finding, findingsOf } from './finding.ts';

const TIMEOUT_MS = 2000;
const OLDEST = 5;
const RIGHTS = '~latchkey:hits:* +eval +evalsha +hget +hset +hincrby +pexpire';

const redis = findingsOf('redis');

/**
 * Checks that the configured Redis can count rate limits.
 *
 * @param config `null` if it is invalid; that must be fixed first
 */
export async function checkRedis(config: Config | null): Promise<Finding[]> {
  if (config === null) return [];
  const { redisUrl } = config;
  if (redisUrl === undefined) {
    return [redis.ok('REDIS_URL is not set: rate limits are counted in the database.')];
  }
  // load the library only if Redis is configured
  const { probeRedis } = await import('../../db/redis-probe.ts');
  try {
    return judgeRedis(await probeRedis(redisUrl, TIMEOUT_MS));
  } catch (error) {
    return [refused(new URL(redisUrl).host, error)];
  }
}

/** Judges a Redis, in which hits can be counted, by its version and eviction policy. */
export function judgeRedis({ server, version, evictionPolicy }: RedisFacts): Finding[] {
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST) {
    return [
      redis.broken(
        `It is ${server}; the oldest that is supported is Redis ${OLDEST}.`,
        'Upgrade it to Redis 5 or newer, or to Valkey.',
      ),
    ];
  }
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction') {
    return [
      redis.warning(
        `Its maxmemory-policy is ${evictionPolicy}: when it is full, it discards counts, and rate limits start again.`,
        'Set maxmemory-policy noeviction; the database then counts what Redis refuses.',
      ),
    ];
  }
  return [redis.ok(`${server ?? 'It'} counts rate limits.`)];
}

function refused(place: string, error: unknown): Finding {
  const { code, message: text = '' } = error as { code?: string; message?: string };
  const found = (message: string, mend: string) => redis.broken(message, mend);
  if (code === 'ECONNREFUSED') {
    return found(
      `Nothing listens at ${place}.`,
      'Start Redis, or correct host and port in REDIS_URL.',
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return found(`There is no host ${place}.`, 'Correct the host in REDIS_URL.');
  }
  if (code === 'ECONNRESET' || /closed unexpectedly|DENIED/.test(text)) {
    // Redis says why before it closes; the library, which has asked nothing yet, does not pass it on
    return found(
      `It closes connections from this machine, at ${place}.`,
      'In protected mode Redis accepts connections from its own machine only: set a password there and in REDIS_URL. If it speaks TLS, begin REDIS_URL with rediss://.',
    );
  }
  if (/WRONGPASS|NOAUTH|invalid password|without any password/i.test(text)) {
    return found(
      'It refuses the user or the password.',
      'Correct user and password in REDIS_URL; write characters that are special in URLs as %40 and so on.',
    );
  }
  if (/NOPERM|ACL failure/.test(text)) {
    return found(
      'The user may not run the script that counts hits.',
      `Run there: ACL SETUSER ... ${RIGHTS}`,
    );
  }
  if (/READONLY/.test(text)) {
    return found('It is a replica, and takes no writes.', 'Point REDIS_URL at the primary.');
  }
  if (/\bOOM\b/.test(text)) {
    return found('It is full; meanwhile the database counts.', 'Raise its maxmemory.');
  }
  if (/^(MOVED|CLUSTERDOWN|CROSSSLOT)/.test(text)) {
    return found(
      'It is a node of a cluster, which the service does not support.',
      'Point REDIS_URL at a standalone Redis; the counts need little memory.',
    );
  }
  return found(
    `Nothing can be counted at ${place} (${code ?? /^[A-Z]{3,}\b/.exec(text)?.[0] ?? 'no answer in time'}).`,
    'Correct REDIS_URL, with rediss:// for TLS, or allow the connection in the firewall. Redis must answer within a quarter of a second.',
  );
}
