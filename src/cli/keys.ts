import { parseArgs } from 'node:util';
import { listKeys, retireKey, rotateKeys } from '../flows/signing-keys.ts';
import type { Services } from '../services.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';

// a SHA-256 thumbprint in base64url
const KEY_ID = /^[\w-]{43}$/;

/** Lists and changes the keys that sign access tokens. */
export const keys: Command = {
  name: 'keys',
  summary: 'list, rotate or retire the keys that sign access tokens',
  help: `Shows and changes the keys that sign access tokens. No instance has to be restarted.

  npm run cli -- keys list [--json]
  npm run cli -- keys rotate [--now] [--json]
  npm run cli -- keys retire KID [--json]

  list         the published keys, and the state of each
  rotate       publish a new key, which starts to sign in 12 hours, when all verifiers know it
  rotate --now the new key starts to sign in a minute. Verifiers that cache the key set for
               longer refuse its tokens until they fetch the set again, which most do for an
               unknown key. Use it when a key has leaked: wait a minute, and retire that key.
  retire KID   stop publishing and accepting a key at once: tokens that it signed become
               invalid, and clients have to refresh. The last signing key cannot be retired.
  --json       print JSON

When a key has leaked:
  npm run cli -- keys list
  npm run cli -- keys rotate --now; sleep 60
  npm run cli -- keys retire KID

Exit codes: 0 done, 1 refused, 2 wrong usage.`,
  async run(args, terminal) {
    // take out the key id first: if it starts with a dash, parseArgs would take it for an option
    const id = args.find((arg) => KEY_ID.test(arg));
    const { values, positionals } = parseArgs({
      args: args.filter((arg) => arg !== id),
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        now: { type: 'boolean', default: false },
      },
    });
    const [action, kid, ...more] = id === undefined ? positionals : [...positionals, id];
    // `rotate now` is not `rotate --now`, and the difference is twelve hours of a leaked key
    const takesKey = action === 'retire';
    if (!isAction(action) || takesKey !== (kid !== undefined) || more.length > 0) {
      throw new UsageError('Say list, rotate, rotate --now or retire KID.');
    }
    return terminal.withServices((services) => {
      if (kid !== undefined) return retire(services, terminal, kid, values.json);
      return action === 'list'
        ? list(services, terminal, values.json)
        : rotate(services, terminal, values);
    });
  },
};

function isAction(word: string | undefined): boolean {
  return word === 'list' || word === 'rotate' || word === 'retire';
}

async function list({ deps }: Services, terminal: Terminal, json: boolean): Promise<number> {
  const found = await listKeys(deps);
  if (json) {
    terminal.print(jsonText(found));
    return 0;
  }
  for (const key of found) {
    terminal.print(`${key.kid}  ${key.state.padEnd(9)}  signs from ${key.signsFrom}`);
  }
  return 0;
}

async function rotate(
  { deps }: Services,
  terminal: Terminal,
  { now, json }: { now: boolean; json: boolean },
): Promise<number> {
  const key = await rotateKeys(deps, now);
  terminal.print(json ? jsonText(key) : `Published ${key.kid}; it signs from ${key.signsFrom}.`);
  return 0;
}

async function retire(
  { deps }: Services,
  terminal: Terminal,
  kid: string,
  json: boolean,
): Promise<number> {
  const outcome = await retireKey(deps, kid);
  if (outcome === 'retired') {
    terminal.print(
      json
        ? jsonText({ retired: kid })
        : `Retired ${kid}. Its tokens are refused within half a minute.`,
    );
    return 0;
  }
  terminal.complain(
    outcome === 'unknown'
      ? `There is no key ${kid} in use; see \`keys list\`.`
      : 'This is the only key that signs. Run `keys rotate --now` first, and wait a minute.',
  );
  return 1;
}
