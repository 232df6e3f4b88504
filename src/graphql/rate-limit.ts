import { createHash } from 'node:crypto';
import {
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isObjectType,
} from 'graphql';
import { getGraphQLRateLimiter, type Identity, Store } from 'graphql-rate-limit';
import { RequestError, waitInWords } from '../errors.ts';
import type { Deps } from '../flows/deps.ts';
import { addressBlock } from '../http/client-address.ts';
import { type Limit, RATE_LIMITS } from '../rate-limits.ts';
import { identifierKey } from '../records/user.ts';
import type { Context } from './context.ts';

const MINUTE_MS = 60_000;
const ACCOUNT_ARGUMENT = 'input.identifier';

/** Checks a field's rate limits. */
export interface RateLimiter {
  /** Counts the call of a field. @throws {RequestError} RATE_LIMITED, with the seconds until the window ends */
  check(field: string, args: object, context: Context, info: GraphQLResolveInfo): Promise<void>;
}

/**
 * graphql-rate-limit reads its store, adds the hit and writes the result back, so that concurrent requests overwrite
 * each other's hits. This store records the hit where the library reads, atomically and for all instances, which leaves
 * nothing to write.
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
    const { hitCounter, now } = this.#deps;
    const key = hitKey(identity, this.#limit);
    const hit = await hitCounter.record(key, this.#limit.windowMs, now());
    // the library expects the times of earlier hits, by its own clock; more than the limit would change nothing
    return Array.from({ length: Math.min(hit - 1, this.#limit.max) }, () => Date.now());
  }

  override setForIdentity(): void {}
}

/** Makes the rate limiter of a service. */
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

/** The limits in force: the table's, with the overrides of RATE_LIMITS. */
export function chosenLimits(deps: Pick<Deps, 'config'>): Record<string, Limit[]> {
  const { overrides } = deps.config.rateLimit;
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
  const end = (await deps.hitCounter.windowEnd(key, now)) ?? now;
  const retryAfter = Math.max(1, Math.ceil((end.getTime() - now.getTime()) / 1000));
  const { name, by, max, windowMs } = exceeded;
  deps.metrics?.rateLimited(name);
  const message = `Too many requests: at most ${max} in ${windowMs / MINUTE_MS} minutes by ${by} (RATE_LIMITS: ${name}). Try again in ${waitInWords(retryAfter)}.`;
  return new RequestError('RATE_LIMITED', { message, retryAfter });
}

function identityOf(chosen: Limit, context: Context): string {
  const { viewer, http } = context;
  if (chosen.by === 'user' && viewer !== null) return `user ${viewer.user.id}`;
  return `address ${addressBlock(http.clientAddress)}`;
}

/** The argument that names an account, normalised as for comparing accounts: other spellings get no other counter. */
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
 * Puts the rate limits around the fields, outside authorization and everything else: every call counts, whatever its
 * outcome.
 */
export function withRateLimits(schema: GraphQLSchema): GraphQLSchema {
  const fields = {
    ...fieldsOf(schema.getType('User')),
    ...fieldsOf(schema.getQueryType()),
    ...fieldsOf(schema.getMutationType()),
  };
  for (const name of Object.keys(RATE_LIMITS)) {
    const field = fields[name];
    const resolve = field?.resolve;
    if (field === undefined || resolve === undefined) {
      throw new Error(`RATE_LIMITS names ${name}, which is no field of Mutation, Query or User.`);
    }
    field.resolve = async (source, args, context: Context, info) => {
      await context.rateLimiter.check(name, args, context, info);
      return resolve(source, args, context, info);
    };
  }
  return schema;
}

function fieldsOf(type: GraphQLNamedType | null | undefined) {
  return isObjectType(type) ? type.getFields() : {};
}
