import { parseArgs } from 'node:util';
import { alternatives } from '../alternatives.ts';
import { changeUser, deleteUser, resetUserTotp, unlockUser } from '../flows/user-administration.ts';
import type { User } from '../records/user.ts';
import { type SearchPage, type SearchPosition, searchUsers } from '../records/user-search.ts';
import type { Services } from '../services.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';
import { OPERATOR, userMeant } from './operator.ts';

const MOST_FOUND = 1000;

/** Finds and changes accounts. */
export const users: Command = {
  name: 'users',
  summary: 'find, show, disable, enable, unlock, promote or delete accounts',
  help: `Finds and changes accounts. Changes are recorded in the audit log, with the operator as actor.

  npm run cli -- users find TEXT [--limit N] [--json]
  npm run cli -- users show WHO [--json]
  npm run cli -- users disable WHO [--json]
  npm run cli -- users enable WHO [--json]
  npm run cli -- users unlock WHO [--json]
  npm run cli -- users promote WHO [--yes] [--json]
  npm run cli -- users demote WHO [--json]
  npm run cli -- users reset-totp WHO [--json]
  npm run cli -- users delete WHO [--yes] [--json]

  WHO       an e-mail address, a username or an id
  find      accounts with TEXT in their e-mail address, username or display name
  disable   refuse sign-ins, and end all sessions at once; enable reverses this
  unlock    lift every lockout after failed attempts
  promote   give the role ADMIN, after a confirmation if the e-mail address is unconfirmed,
            because somebody else may have registered with it; demote takes the role away
  reset-totp
            turn TOTP off for somebody who has lost phone and recovery codes
  delete    delete the account and all personal data for good, after a confirmation
  --limit   how many accounts to find at most (20, up to ${MOST_FOUND})
  --yes     do not ask for confirmation; required without a terminal
  --json    print the account as JSON; with find, one per line

  npm run --silent cli -- users find @example.com --json | wc -l
  npm run cli -- users delete ada@example.com

The last active administrator can be neither disabled, demoted nor deleted.
Exit codes: 0 done, 1 refused or not found, 2 wrong usage.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        limit: { type: 'string', default: '20' },
      },
    });
    const [action = '', who, ...more] = positionals;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) {
      throw new UsageError(`Say ${alternatives(Object.keys(ACTIONS))}.`);
    }
    if (!who?.trim()) {
      throw new UsageError(`Say ${action === 'find' ? 'what to look for' : 'whose account'}.`);
    }
    if (more.length > 0) {
      throw new UsageError(`There is one word too many: ${more[0]}. Put quotes around several.`);
    }
    const limit = Number(values.limit);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_FOUND) {
      throw new UsageError(`--limit must be 1 to ${MOST_FOUND}.`);
    }
    return terminal.withServices((services) =>
      act(services, terminal, { who, limit, json: values.json, yes: values.yes }),
    );
  },
};

interface Wish {
  who: string;
  limit: number;
  json: boolean;
  yes: boolean;
}

type Act = (services: Services, terminal: Terminal, wish: Wish) => Promise<number>;

const ACTIONS: Readonly<Record<string, Act>> = {
  find,
  show: async ({ deps }, terminal, wish) => {
    const user = await userMeant(deps, wish.who);
    terminal.print(wish.json ? jsonText(user) : described(user));
    return 0;
  },
  disable: changing('Disabled', async ({ deps }, { id }) =>
    changeUser(deps, OPERATOR, { id, status: 'DISABLED' }),
  ),
  enable: changing('Enabled', async ({ deps }, { id }) =>
    changeUser(deps, OPERATOR, { id, status: 'ACTIVE' }),
  ),
  unlock: changing('Unlocked', ({ deps }, { id }) => unlockUser(deps, OPERATOR, id)),
  promote,
  demote: changing('Took the role ADMIN from', ({ deps }, { id }) =>
    changeUser(deps, OPERATOR, { id, role: 'USER' }),
  ),
  'reset-totp': changing('Turned TOTP off for', ({ deps }, { id }) =>
    resetUserTotp(deps, OPERATOR, id),
  ),
  delete: remove,
};

async function find({ deps }: Services, terminal: Terminal, wish: Wish): Promise<number> {
  const { who: search, limit } = wish;
  let found = 0;
  let after: SearchPosition | null = null;
  // a page may hold fewer users than requested when only few of many accounts match
  do {
    const page: SearchPage = await searchUsers(
      deps.db,
      { search },
      { limit: limit - found, after },
    );
    for (const { user } of page.found) {
      terminal.print(wish.json ? jsonText(user) : summarised(user));
    }
    found += page.found.length;
    after = page.next;
  } while (after !== null && found < limit);
  if (after !== null) terminal.complain(`There may be more; --limit ${MOST_FOUND} shows more.`);
  if (found === 0) terminal.complain('Nobody was found.');
  return found === 0 ? 1 : 0;
}

function changing(done: string, change: (services: Services, user: User) => Promise<User>): Act {
  return async (services, terminal, { who, json }) => {
    const user = await change(services, await userMeant(services.deps, who));
    terminal.print(json ? jsonText(user) : `${done} ${user.email} (${user.id}).`);
    return 0;
  };
}

async function promote(services: Services, terminal: Terminal, wish: Wish): Promise<number> {
  const { email, emailVerifiedAt } = await userMeant(services.deps, wish.who);
  const agreed =
    wish.yes ||
    emailVerifiedAt !== null ||
    (await terminal.confirm(
      `Nobody has confirmed ${email}: somebody else may have registered with it. Make them an administrator?`,
    ));
  if (agreed === null) {
    throw new UsageError(`Nobody has confirmed ${email}, and there is nobody to ask; say --yes.`);
  }
  if (!agreed) {
    terminal.complain('Nothing was changed.');
    return 1;
  }
  const give = changing('Gave the role ADMIN to', ({ deps }, { id }) =>
    changeUser(deps, OPERATOR, { id, role: 'ADMIN' }),
  );
  return give(services, terminal, wish);
}

async function remove({ deps }: Services, terminal: Terminal, wish: Wish): Promise<number> {
  const user = await userMeant(deps, wish.who);
  const agreed =
    wish.yes ||
    (await terminal.confirm(
      `Delete ${user.email} (${user.id}) and all personal data? This cannot be undone.`,
    ));
  if (agreed === null) throw new UsageError('Without a terminal, deleting needs --yes.');
  if (!agreed) {
    terminal.complain('Nothing was deleted.');
    return 1;
  }
  const id = await deleteUser(deps, OPERATOR, user.id);
  terminal.print(wish.json ? jsonText({ deleted: id }) : `Deleted ${user.email} (${id}).`);
  return 0;
}

function summarised(user: User): string {
  const name = user.username === null ? '' : `  ${user.username}`;
  const marks = [user.role, user.status].filter((mark) => mark !== 'USER' && mark !== 'ACTIVE');
  return `${user.id}  ${user.email}${name}${marks.map((mark) => `  ${mark}`).join('')}`;
}

function described(user: User): string {
  return Object.entries(user)
    .map(([name, value]) => `${name.padEnd(16)} ${shown(value)}`)
    .join('\n');
}

function shown(value: unknown): string {
  if (value === null) return '-';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? jsonText(value) : String(value);
}
