import { z } from 'zod';
import { alternatives } from './alternatives.ts';
import { isTrustedProxies } from './http/client-address.ts';
import { readSender } from './mail/sender.ts';
import { isPlainLocal } from './public-url.ts';
import { RATE_LIMIT_NAMES } from './rate-limits.ts';

const MINUTE_MS = 60_000;

/** A whole number in decimal, within bounds. */
export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** One of a few words. */
export const choice = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  z.enum(words, `must be ${alternatives(words)}`);

/** Login shells and sshd set MAIL to the path of the person's mailbox (POSIX), which is no choice of ours. */
export const unlessMailbox = (given: unknown) =>
  typeof given === 'string' && given.startsWith('/') ? undefined : given;

/** A comma-separated list. */
export const commaList = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** Rate limits such as `login=300/15,register=100/60`: calls per minutes. */
export const rateLimits = commaList.transform((items, context) => {
  const limits: Record<string, { max: number; windowMs: number }> = {};
  for (const item of items) {
    const [, name, max, minutes] = /^([\w.]+)=([1-9]\d{0,8})\/([1-9]\d{0,5})$/.exec(item) ?? [];
    if (name === undefined) {
      context.addIssue('must be a list such as login=300/15,register=100/60 (calls in minutes)');
      return z.NEVER;
    }
    if (!RATE_LIMIT_NAMES.has(name)) {
      context.addIssue(
        `has no limit named "${name}"; there are ${[...RATE_LIMIT_NAMES].join(', ')}`,
      );
      return z.NEVER;
    }
    limits[name] = { max: Number(max), windowMs: Number(minutes) * MINUTE_MS };
  }
  return limits;
});

/** Headers in OpenTelemetry's format: `authorization=Bearer%20abc,x-team=auth`. */
export const headerList = commaList.transform((items, context) => {
  const headers: Record<string, string> = {};
  for (const item of items) {
    const [, name, value] = /^([\w-]+)\s*=\s*([\x21-\x7e]*)$/.exec(item) ?? [];
    const text = value === undefined ? undefined : decoded(value);
    if (name === undefined || text === undefined) {
      context.addIssue('must be a list such as authorization=Bearer%20abc,x-team=auth');
      return z.NEVER;
    }
    headers[name.toLowerCase()] = text;
  }
  return headers;
});

function decoded(value: string): string | undefined {
  try {
    const text = decodeURIComponent(value);
    return /^[\x20-\x7e]*$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A fraction: 0 for nothing, 1 for everything. */
export const share = z
  .string()
  .regex(/^(0(\.\d{1,9})?|1(\.0{1,9})?)$/, 'must be a number from 0 to 1, such as 0.05')
  .transform(Number);

/** The URL of a Redis server. */
export const redisUrl = z
  .string()
  .refine((text) => /^rediss?:$/.test(URL.canParse(text) ? new URL(text).protocol : ''), {
    message: 'must be a redis:// or rediss:// URL, such as redis://redis.internal:6379',
  });

/** The proxies whose X-Forwarded-For is trusted. */
export const trustedProxies = z.string().refine(isTrustedProxies, {
  message:
    'must be how many proxies are in front (1), or their addresses and blocks (10.0.0.0/8,::1)',
});

/** The URL of a server, without a trailing slash. */
export const httpUrl = z
  .string()
  .refine((text) => /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(text) && URL.canParse(text), {
    message:
      'must be an http:// or https:// URL without user, password and query, such as https://auth.example.com',
  })
  .transform((text) => text.replace(/\/+$/, ''));

/** A picture that browsers may load into our pages: over HTTPS, or from localhost. */
export const pictureUrl = z.string().refine(
  (text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, origin } = new URL(text);
    return protocol === 'https:' || isPlainLocal(origin);
  },
  { message: 'must be an https:// URL, such as https://www.example.com/logo.svg' },
);

/** The From of mails. */
export const sender = z.string().refine((text) => readSender(text) !== null, {
  message: 'must be an address, or a name and an address: Example <no-reply@example.com>',
});

/** A CSS hex colour. */
export const color = z
  .string()
  .regex(/^#?[0-9a-f]{6}$/i, 'must be a colour such as #0b6e69')
  // the # is optional, because in many env files an unquoted # starts a comment
  .transform((text) => `#${text.replace('#', '').toLowerCase()}`);
