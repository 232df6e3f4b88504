import { createClient, defineScript } from 'redis';
import { createDeadlines } from '../deadlines.ts';

/** A Redis whose connection may be lost and come back. */
export interface Redis {
  /**
   * Counts a hit, atomically.
   *
   * @param nowMs the service's time. Windows end by it, not by the clock of Redis, which only expires old keys.
   * @returns the number of the hit within its window; `null` when Redis does not answer in time or is down
   */
  hit(key: Buffer, windowMs: number, nowMs: number): Promise<number | null>;
  /** When the window of a key ends, in milliseconds; `null` when no window is open, or Redis does not answer. */
  windowEnd(key: Buffer, nowMs: number): Promise<number | null>;
  isUp(): boolean;
  close(): Promise<void>;
}

/** Called at the beginning and at the end of each outage. */
export interface RedisWatch {
  lost(error: unknown): void;
  back(): void;
}

// Redis answers in a tenth of a millisecond; after this long, counting in the database is the better choice.
const ANSWER_MS = 250;
const CONNECT_MS = 1000;
const RETRY_MS = 1000;
// a key outlives its window by this much, in case an instance's clock is slightly behind
const KEPT_LONGER_MS = 60_000;
const PREFIX = 'latchkey:hits:';

const hitScript = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: `local ends = tonumber(redis.call('HGET', KEYS[1], 'ends') or '0')
if ends > tonumber(ARGV[1]) then return redis.call('HINCRBY', KEYS[1], 'hits', 1) end
redis.call('HSET', KEYS[1], 'hits', 1, 'ends', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`,
  parseCommand(parser, key: string, nowMs: number, windowMs: number) {
    parser.pushKey(key);
    parser.push(String(nowMs), String(nowMs + windowMs), String(windowMs + KEPT_LONGER_MS));
  },
  // anything else in place of the number would be below every limit, and let everybody through
  transformReply(reply: unknown) {
    if (typeof reply === 'number' && reply >= 1) return reply;
    throw new Error('Redis did not answer with the number of the hit.');
  },
});

const newClient = (url: string) =>
  createClient({
    url,
    // Redis 5, Valkey, and proxies in front of them understand it too
    RESP: 2,
    disableOfflineQueue: true,
    // a lost client is replaced by a new one, which is tried before it is used
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false },
    scripts: { hit: hitScript },
  });

type Client = ReturnType<typeof newClient>;

/**
 * Connects to a Redis, and again whenever the connection is lost. Callers never wait for a reconnect: until a
 * connection has proved to work, every call returns `null` at once.
 */
export async function openRedis(url: string, watch: RedisWatch): Promise<Redis> {
  const inTime = createTimeLimit(ANSWER_MS);
  const connectedInTime = createTimeLimit(CONNECT_MS);
  let client: Client | undefined;
  let isOut = false;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;

  function lose(lost: Client, error: unknown): void {
    if (lost.isOpen) lost.destroy();
    if (client !== undefined && client !== lost) return;
    client = undefined;
    if (isClosed) return;
    if (!isOut) watch.lost(error);
    isOut = true;
    clearTimeout(retry);
    retry = setTimeout(connect, RETRY_MS).unref();
  }

  async function connect(): Promise<void> {
    const fresh = newClient(url);
    // a Redis that shuts down also reports it on an idle connection
    fresh.on('error', (error) => lose(fresh, error));
    try {
      // the library's own limit covers only the TCP connect; a server may accept and then stay silent
      await connectedInTime(fresh.connect());
      // a replica or a full Redis answers PING, but cannot count
      await inTime(fresh.hit(`${PREFIX}try`, Date.now(), 1));
    } catch (error) {
      return lose(fresh, error);
    }
    if (isClosed) return fresh.destroy();
    client = fresh;
    if (isOut) watch.back();
    isOut = false;
  }

  async function ask<T>(question: (client: Client) => Promise<T>): Promise<T | null> {
    const asked = client;
    if (asked === undefined) return null;
    try {
      return await inTime(question(asked));
    } catch (error) {
      lose(asked, error);
      return null;
    }
  }

  await connect();
  return {
    hit: (key, windowMs, nowMs) => ask((redis) => redis.hit(nameOf(key), nowMs, windowMs)),
    async windowEnd(key, nowMs) {
      const ends = Number(await ask((redis) => redis.hGet(nameOf(key), 'ends')));
      return ends > nowMs ? ends : null;
    },
    isUp: () => client !== undefined,
    async close() {
      isClosed = true;
      clearTimeout(retry);
      client?.destroy();
    },
  };
}

function nameOf(key: Buffer): string {
  return PREFIX + key.toString('base64url');
}

function createTimeLimit(ms: number): <T>(answer: Promise<T>) => Promise<T> {
  const deadlines = createDeadlines(ms);
  return (answer) =>
    new Promise((resolve, reject) => {
      const finish = deadlines(() => reject(new Error('Redis did not answer in time.')));
      answer.then(resolve, reject).finally(finish);
    });
}
