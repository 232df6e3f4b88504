import { createHash } from 'node:crypto';
import type { GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { getGraphQLRateLimiter, type Identity, Store } from 'graphql-rate-limit';
import { ConfigError } from '../config.ts';
import { RequestError } from '../errors.ts';
import type { Deps } from '../flows/deps.ts';
import { addressBlock } from '../http/client-address.ts';
import { recordHit, windowEnd } from '../records/rate-limit-hit.ts';
import { identifierKey } from '../records/user.ts';
import type { Context } from './context.ts';

/** Who is counted: an address (IPv6 by its /64), an address together with the account it aims at, or a signed-in user. */
type CountedBy = 'address' | 'address and account' | 'user';

interface Limit {
  /** What RATE_LIMITS calls it. */
  name: string;
  by: CountedBy;
  max: number;
  windowMs: number;
}

const MINUTE_MS = 60_000;
const ACCOUNT_ARGUMENT = 'input.identifier';

const limit = (name: string, by: CountedBy, max: number, minutes = 15): Limit => ({
  name,
  by,
  max,
  windowMs: minutes * MINUTE_MS,
});

/**
 * How often each field may be called. Every call of a resolver counts, so that aliases and batches gain nothing. These
 * are limits of traffic; what stops guessing at one account is its own counter (flows/steps/attempt.ts), and what keeps a
 * mailbox from being filled from many addresses its own allowance (flows/steps/mailing.ts).
 */
export const RATE_LIMITS: Readonly<Record<string, readonly Limit[]>> = {
  register: [
    limit('register', 'address', 100),
    limit('register.account', 'address and account', 10),
  ],
  login: [
    limit('login', 'address', 300),
    // one password tried on many accounts, slowly enough for the limit above
    limit('login.spray', 'address', 5000, 24 * 60),
    limit('login.account', 'address and account', 60),
  ],
  completeLogin: [limit('completeLogin', 'address', 100)],
  refresh: [limit('refresh', 'address', 3000)],
  updateProfile: [limit('updateProfile', 'user', 100)],
  enableTotp: [limit('enableTotp', 'user', 30)],
  confirmTotp: [limit('confirmTotp', 'user', 30)],
  disableTotp: [limit('disableTotp', 'user', 30)],
  regenerateRecoveryCodes: [limit('regenerateRecoveryCodes', 'user', 30)],
  deleteAccount: [limit('deleteAccount', 'user', 30)],
  // of each mail that one person may want there may be a second and a third; more is for somebody else's mailbox
  requestPasswordReset: [
    limit('requestPasswordReset', 'address', 60),
    limit('requestPasswordReset.account', 'address and account', 5),
  ],
  resetPassword: [limit('resetPassword', 'address', 100)],
  requestEmailVerification: [limit('requestEmailVerification', 'user', 5)],
  verifyEmail: [limit('verifyEmail', 'address', 100)],
};

/** Counts a call of a field against its limits. */
export interface RateLimiter {
  /** @throws {RequestError} RATE_LIMITED, with the seconds until the window ends */
  check(field: string, args: object, context: Context, info: GraphQLResolveInfo): Promise<void>;
}

/**
 * graphql-rate-limit reads its store, adds the hit and writes it back: two requests at the same moment overwrite each
 * other's. So the hit is recorded, atomically and for all instances, where the library reads, and there is nothing left
 * to write.
 */
class HitStore extends Store {
  readonly #deps: Deps;
  readonly #limit: Limit;

  constructor(deps: Deps, limit: Limit) {
    super();
    this.#deps = deps;
    this.#limit = limit;
  }

  override async getForIdentity(identity: Identity): Promise<number[]> {
    const { db, now } = this.#deps;
    const hit = await recordHit(db, hitKey(identity, this.#limit), this.#limit.windowMs, now());
    // the library counts the hits before this one, by its own clock; one over the limit is as good as a million
    return Array.from({ length: Math.min(hit - 1, this.#limit.max) }, () => Date.now());
  }

  override setForIdentity(): void {}
}

/**
 * Makes the limiter of a service.
 *
 * @throws {ConfigError} when RATE_LIMITS names a limit that there is not
 */
export function createRateLimiter(deps: Deps): RateLimiter {
  if (!deps.config.rateLimit.enabled) return { check: () => Promise.resolve() };
  const checks = new Map(
    Object.entries(chosenLimits(deps)).map(([field, limits]) => [
      field,
      limits.map((chosen) => limitCheck(deps, chosen)),
    ]),
  );
  return {
    async check(field, args, context, info) {
      for (const check of checks.get(field) ?? []) await check(args, context, info);
    },
  };
}

function chosenLimits(deps: Deps): Record<string, Limit[]> {
  const { overrides } = deps.config.rateLimit;
  const known = new Set(Object.values(RATE_LIMITS).flatMap((limits) => limits.map((l) => l.name)));
  for (const name of Object.keys(overrides)) {
    if (!known.has(name)) {
      const names = [...known].join(', ');
      throw new ConfigError([`RATE_LIMITS has no limit named "${name}"; there are ${names}`]);
    }
  }
  return Object.fromEntries(
    Object.entries(RATE_LIMITS).map(([field, limits]) => [
      field,
      limits.map((standard) => ({ ...standard, ...overrides[standard.name] })),
    ]),
  );
}

function limitCheck(deps: Deps, chosen: Limit) {
  const store = new HitStore(deps, chosen);
  const limiter = getGraphQLRateLimiter({
    identifyContext: (context: Context) => identityOf(chosen, context),
    store,
    formatError: ({ contextIdentity, fieldIdentity = '' }) =>
      hitKey({ contextIdentity, fieldIdentity }, chosen).toString('base64'),
  });
  return async (args: object, context: Context, info: GraphQLResolveInfo) => {
    const exceeded = await limiter(
      { parent: undefined, args: accountArgument(args), context, info },
      {
        max: chosen.max,
        window: `${chosen.windowMs}ms`,
        identityArgs: chosen.by === 'address and account' ? [ACCOUNT_ARGUMENT] : [],
      },
    );
    if (exceeded !== undefined) throw await refusal(deps, chosen, Buffer.from(exceeded, 'base64'));
  };
}

async function refusal(deps: Deps, exceeded: Limit, key: Buffer): Promise<RequestError> {
  const now = deps.now();
  const end = (await windowEnd(deps.db, key)) ?? now;
  const retryAfter = Math.max(1, Math.ceil((end.getTime() - now.getTime()) / 1000));
  const { name, by, max, windowMs } = exceeded;
  const message = `Too many requests: at most ${max} in ${windowMs / MINUTE_MS} minutes by ${by} (RATE_LIMITS: ${name}). Try again in ${retryAfter} seconds.`;
  return new RequestError('RATE_LIMITED', { message, retryAfter });
}

function identityOf(chosen: Limit, context: Context): string {
  const { viewer, http } = context;
  if (chosen.by === 'user' && viewer !== null) return `user ${viewer.user.id}`;
  return `address ${addressBlock(http.clientAddress)}`;
}

/** The argument that names an account, in the form accounts are told apart by: no spelling has a counter of its own. */
function accountArgument(args: object): { input: { identifier: string } } {
  const { identifier, email }: { identifier?: unknown; email?: unknown } =
    'input' in args && typeof args.input === 'object' && args.input !== null ? args.input : {};
  const name = identifier ?? email ?? '';
  return { input: { identifier: identifierKey(String(name).slice(0, 1000)) } };
}

function hitKey({ contextIdentity, fieldIdentity }: Identity, { name, windowMs }: Limit): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([name, windowMs, contextIdentity, fieldIdentity]))
    .digest()
    .subarray(0, 16);
}

/**
 * Puts the limits in front of the fields, outside their scopes and everything else: whatever a call would come to, it
 * counts first.
 */
export function withRateLimits(schema: GraphQLSchema): GraphQLSchema {
  const fields = schema.getMutationType()?.getFields() ?? {};
  for (const name of Object.keys(RATE_LIMITS)) {
    const field = fields[name];
    const resolve = field?.resolve;
    if (field === undefined || resolve === undefined) {
      throw new Error(`RATE_LIMITS names ${name}, which is no mutation.`);
    }
    field.resolve = async (source, args, context: Context, info) => {
      await context.rateLimiter.check(name, args, context, info);
      return resolve(source, args, context, info);
    };
  }
  return schema;
}
