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

  list         the keys that are published, and what each is doing
  rotate       publish a new key; it signs in twelve hours, when everybody has seen it
  rotate --now the new key signs in a minute; verifiers that keep a key set for longer refuse
               its tokens until they fetch the set again, as most do for a key they do not
               know. Use it when a key has leaked, wait the minute, and retire that one.
  retire KID   stop publishing and accepting a key at once: its tokens die with it, and
               people have to refresh. The last key that signs cannot be retired.
  --json       what the others print, as JSON

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
    const [action, kid = id] = positionals;
    return terminal.withServices((services) => {
      if (action === 'list') return list(services, terminal, values.json);
      if (action === 'rotate') return rotate(services, terminal, values);
      if (action === 'retire' && kid !== undefined) {
        return retire(services, terminal, kid, values.json);
      }
      throw new UsageError('Say list, rotate or retire KID.');
    });
  },
};

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
