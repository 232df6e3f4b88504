import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import {
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  getNamedType,
  isObjectType,
  isUnionType,
  parse,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { withFindings } from '../bench/readme.ts';
import { RESULTS, readResults } from '../bench/results.ts';
import type { Command } from '../src/cli/command.ts';
import { loadConfig } from '../src/config.ts';
import type { Environment } from '../src/environment.ts';
import { ERROR_MESSAGES, REQUEST_ERROR_MESSAGES } from '../src/errors.ts';
import { EXAMPLE_OPERATIONS } from '../src/graphql/examples.ts';
import { schema } from '../src/graphql/schema.ts';
import { isFromOurPages } from '../src/http/csrf.ts';
import { RATE_LIMITS } from '../src/rate-limits.ts';
import { readVariables } from '../src/variables.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'LICENSE',
  '.env.example',
  'docs/architecture.md',
  'docs/decisions.md',
  'docs/from-rest.md',
  'docs/operation.md',
  'packages/client/README.md',
  'examples/codegen/README.md',
  'examples/gql.tada/README.md',
  'examples/library/README.md',
];

const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
const readme = read('README.md');
const operation = read('docs/operation.md');
const security = read('SECURITY.md');
const contributing = read('CONTRIBUTING.md');
const example = read('.env.example');

const VARIABLES = namesOfVariables();
const DEFAULTS = defaults();
const config = loadConfig({ AUTH_SECRET: 'x'.repeat(32) });

/** The variables in the order in which they are checked. */
function namesOfVariables(): string[] {
  const [, body = ''] = /z\.object\(\{\n([\s\S]*?)\n\}\);/.exec(read('src/environment.ts')) ?? [];
  return [...body.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name = '']) => name);
}

function defaults(): Environment {
  const checked = readVariables({});
  if ('problems' in checked) throw new Error(checked.problems.join('\n'));
  return checked.variables;
}

/** What a variable is when it is not set, as text; undefined when that depends or when it is simply not set. */
function defaultOf(name: string): string | undefined {
  // as many as this machine has cores
  if (name === 'HASH_CONCURRENCY') return undefined;
  const value: unknown = DEFAULTS[name as keyof Environment];
  return typeof value === 'number' || typeof value === 'string' ? String(value) : undefined;
}

/** The cells of all rows of Markdown tables, without the lines under their heads. */
function rows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** What is under a heading, down to the next of its kind. */
function section(markdown: string, heading: string): string {
  const level = heading.split(' ', 1)[0] ?? '';
  const start = markdown.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`There is no "${heading}".`);
  const text = markdown.slice(start + heading.length + 2);
  const next = text.search(new RegExp(`^#{1,${level.length}} `, 'm'));
  return next === -1 ? text : text.slice(0, next);
}

/** The first thing between backticks. */
const code = (cell = '') => /`([^`]+)`/.exec(cell)?.[1] ?? '';
const codes = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

describe('the variables', () => {
  const configuration = section(readme, '## Configuration');
  const described = rows(configuration).filter(([name = '']) => name.startsWith('`'));

  it('are found', () => {
    expect(VARIABLES.length).toBeGreaterThan(40);
    expect(Object.keys(DEFAULTS).filter((name) => !VARIABLES.includes(name))).toEqual([]);
  });

  it('are all in the table of the README, in their order', () => {
    expect(described.map(([name]) => code(name))).toEqual(VARIABLES);
  });

  it.each(VARIABLES)('%s has its default and a meaning in the README', (name) => {
    const [, standard = '', meaning = ''] = described.find(([cell]) => code(cell) === name) ?? [];
    expect(meaning.length).toBeGreaterThan(5);
    const value = defaultOf(name);
    if (value === undefined || value === '') expect(standard).not.toMatch(/^(`\d+`)?$/);
    else expect(standard).toBe(`\`${value}\``);
  });

  it('are all in .env.example, in their order, each with a line of meaning', () => {
    const lines = example.split('\n');
    const named = lines.flatMap((line, index) => {
      const [, name] = /^#(\w+)=/.exec(line) ?? [];
      if (name === undefined) return [];
      expect(lines[index - 1], name).toMatch(/^# \S.{4,}/);
      return [name];
    });
    expect(named).toEqual(VARIABLES);
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  it('have their defaults in .env.example', () => {
    const given = parseEnv(example.replace(/^#(\w+=)/gm, '$1'));
    for (const name of VARIABLES) expect(given[name], name).toBe(defaultOf(name) ?? '');
    const env = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
    expect(readVariables(env as Record<string, string>)).toEqual({ variables: DEFAULTS });
  });
});

describe('the errors', () => {
  const errors = section(readme, '## Errors');
  const told = rows(errors).map(([name]) => code(name));

  it('are all in the README, and no others', () => {
    const ours = [...Object.keys(ERROR_MESSAGES), ...Object.keys(REQUEST_ERROR_MESSAGES)];
    const heads = ['ErrorCode', 'extensions.code'];
    const http = 'PERSISTED_QUERY_NOT_SUPPORTED';
    expect(read('src/http/graphql.ts')).toContain(http);
    expect([...told].sort()).toEqual([...ours, ...heads, http].sort());
  });
});

describe('the limits', () => {
  const limits = section(readme, '## Limits');

  it('have the numbers of the code, wherever a number stands before its variable', () => {
    const numbers = [
      ...`${limits}\n${security}`.matchAll(/(\d[\d.]*)( kB)?[^\d`(|]*\(`([A-Z_]+)`\)/g),
    ];
    const found = numbers.map(([, number = '', kilo = '', name = '']) => {
      expect(Number(number) * (kilo ? 1000 : 1), name).toBe(Number(defaultOf(name)));
      return name;
    });
    const expected = [
      'KEEP_ALIVE_SECONDS',
      ...['BODY_LIMIT_BYTES', 'BODY_TIMEOUT_SECONDS', 'MAX_TOKENS', 'MAX_LINES', 'MAX_DEPTH'],
      ...[
        'MAX_ALIASES',
        'MAX_DIRECTIVES',
        'MAX_ROOT_FIELDS',
        'LOGIN_ATTEMPT_LIMIT',
        'LOGIN_ATTEMPT_WINDOW',
      ],
      ...['ACCESS_TOKEN_TTL', 'REFRESH_TOKEN_TTL', 'SESSION_TTL', 'SESSION_MAX_AGE'],
      ...['REFRESH_GRACE', 'MAX_SESSIONS_PER_USER'],
      ...['MAIL_RECIPIENT_LIMIT', 'MAIL_RECIPIENT_WINDOW'],
    ];
    expect(found.sort()).toEqual(expected.sort());
  });

  it('of requests are those of the table', () => {
    const told = rows(limits)
      .filter((cells) => cells.length === 4 && cells[0]?.startsWith('`'))
      .map(([name, by, max, minutes]) => [code(name), by, Number(max), Number(minutes)]);
    const ours = Object.values(RATE_LIMITS).flatMap((of) =>
      of.map(({ name, by, max, windowMs }) => [name, by, max, windowMs / 60_000]),
    );
    expect(told).toEqual(ours);
  });

  it('of guessing are told alike everywhere', () => {
    const { LOGIN_ATTEMPT_LIMIT: limit, LOGIN_ATTEMPT_WINDOW: minutes } = DEFAULTS;
    expect(security).toContain(`${limit} failures lock for ${minutes} minutes`);
    expect(security).toContain(`${limit} codes for a challenge, ${limit} for a user`);
    expect(security).toContain(`tried at most ${limit} times`);
    expect(security).toContain(`${2 * limit} guesses in ${minutes} minutes instead of ${limit}`);
  });
});

describe('the lifetimes', () => {
  it('are those of the code', () => {
    const { sessions, signingKeys, cookies, password } = config;
    const days = (ms: number) => ms / 86_400_000;
    expect(readme).toContain(`within ${sessions.refreshGraceMs / 1000} seconds`);
    expect(readme).toContain(`last ${days(sessions.rememberedTtlMs)} days unused`);
    expect(readme).toContain(`lasts ${config.tokens.accessTtlMs / 60_000} minutes`);
    expect(operation).toContain(`signs for ${days(signingKeys.rotationMs)} days`);
    const { resetMs, verificationMs, invitationMs, undoMs } = config.emailTokens;
    expect(security).toContain(
      `${resetMs / 60_000} minutes to reset, ${days(verificationMs)} day to confirm, ${days(undoMs)} days to undo and invite`,
    );
    expect(invitationMs).toBe(undoMs);
    expect(signingKeys.leadMs).toBe(12 * 3_600_000);
    expect(security).toContain(`is published ${signingKeys.leadMs / 3_600_000} hours before`);
    expect(security).toContain(`${cookies.deviceSeconds / 86_400} days`);
    expect(security).toContain(
      `argon2id, ${password.memoryKib} KiB, ${password.passes} passes, ${password.parallelism} lane`,
    );
  });

  it('that only the code knows are those of the code', () => {
    // a challenge, an unconfirmed enrolment, the end of the process, the attempts at a transaction
    expect(read('src/flows/login.ts')).toContain('CHALLENGE_MS = 5 * 60 * 1000');
    expect(security).toContain('younger than 5 minutes');
    expect(read('src/flows/totp-enrolment.ts')).toContain('ENROLMENT_MS = 15 * 60 * 1000');
    expect(security).toContain('15 minutes while unconfirmed');
    expect(read('src/process.ts')).toContain('DRAIN_MS = 10_000');
    expect(operation).toContain('finish for up to 10 seconds');
    expect(read('src/db/retry.ts')).toContain('ATTEMPTS = 6');
    expect(read('docs/architecture.md')).toContain('up to 5 times');
    expect(read('src/crypto/password-hash.ts')).toContain('MOST_BCRYPT_ROUNDS = 14');
    expect(security).toContain('up to cost 14');
  });
});

describe('the schema', () => {
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
  const queries = Object.values(schema.getQueryType()?.getFields() ?? {});

  it('has tokens for the mutations that SECURITY.md knows, and no others', () => {
    const told = rows(section(security, '## Ways to tokens')).slice(1);
    const answering = mutations.filter((field) => givesTokens(getNamedType(field.type)));
    expect(told.map(([name]) => code(name)).sort()).toEqual(
      answering.map((field) => field.name).sort(),
    );
  });

  function givesTokens(type: GraphQLNamedType): boolean {
    const members = isUnionType(type) ? type.getTypes() : [type];
    return members.some((member) => isObjectType(member) && 'tokens' in member.getFields());
  }

  it('lets in those whom SECURITY.md lets in', () => {
    const told = rows(section(security, '## Who may do what'))
      .slice(1)
      .flatMap(([fields = '', who]) => codes(fields).map((field) => [field, who]));
    const ours = [...queries, ...mutations].map((field) => [field.name, whoOf(field.extensions)]);
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(ours));
  });

  function whoOf({ pothosOptions }: { pothosOptions?: unknown }): string {
    const { authScopes } = pothosOptions as { authScopes: Record<string, boolean> };
    const names: Record<string, string> = {
      public: 'anybody',
      credentialsNotRejected: 'anybody, but not with credentials that are bad',
      signedIn: 'signed in',
      admin: 'administrators',
    };
    return Object.keys(authScopes)
      .map((scope) => names[scope] ?? scope)
      .join();
  }

  it('has the failures that Apollo is told of, and no others', () => {
    const [, told = ''] = /possibleTypes: \{\s*Error: \[([\s\S]*?)\n {6}\]/.exec(readme) ?? [];
    const failures = schema.getPossibleTypes(schema.getType('Error') as GraphQLInterfaceType);
    const names = [...told.matchAll(/'(\w+)'/g)].map(([, name]) => name);
    expect(names).toEqual(failures.map(({ name }) => name).sort());
  });

  it('answers every operation that is shown', () => {
    const shown = [...readme.matchAll(/^```graphql\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
    expect(shown.length).toBeGreaterThan(0);
    for (const text of shown) expect(validate(schema, parse(text ?? ''))).toEqual([]);
    const operations = EXAMPLE_OPERATIONS.join('\n');
    for (const [, name] of readme.matchAll(/Run `(\w+)`/g)) expect(operations).toContain(name);
  });
});

describe('cryptography', () => {
  const inventory = section(security, '## Cryptography');

  it('is told of with every key and every algorithm that the code names', () => {
    const [, union = ''] = /type KeyPurpose =([\s\S]*?);/.exec(read('src/crypto/keyring.ts')) ?? [];
    const purposes = [...union.matchAll(/'([\w-]+)'/g)].map(([, purpose = '']) => purpose);
    expect(purposes.length).toBeGreaterThan(5);
    for (const purpose of purposes) expect(inventory).toContain(`\`${purpose}\``);

    const spelled: Record<string, string> = {
      createHash: 'SHA-256',
      createHmac: 'HMAC-SHA256',
      hkdfSync: 'HKDF-SHA256',
      createCipheriv: 'AES-256-GCM',
      createDecipheriv: 'AES-256-GCM',
    };
    const algorithms = new Set<string>();
    for (const file of sources()) {
      for (const [, call = '', name = ''] of read(file).matchAll(
        /\b(create(?:Hash|Hmac|Cipheriv|Decipheriv)|hkdfSync)\(\s*'([\w-]+)'/g,
      )) {
        expect(['sha256', 'aes-256-gcm'], file).toContain(name);
        algorithms.add(spelled[call] ?? call);
      }
    }
    expect(algorithms.size).toBeGreaterThan(3);
    for (const algorithm of algorithms) expect(inventory).toContain(algorithm);
    for (const name of [
      'argon2id',
      'bcrypt',
      'scrypt',
      'EdDSA',
      'Ed25519',
      'HS256',
      'HMAC-SHA-1',
    ]) {
      expect(inventory).toContain(name);
    }
  });

  function sources(): string[] {
    return readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join('src', name));
  }
});

it('names CSRF headers that do', () => {
  const [, told = ''] = /- \*\*CSRF\*\*:([\s\S]*?)\. Send it/.exec(readme) ?? [];
  const headers = codes(told).map((header) => header.split(':', 1)[0] ?? '');
  expect(headers.length).toBeGreaterThan(3);
  for (const header of headers) expect(isFromOurPages({ [header]: '1' }, new Set())).toBe(true);
});

it('tells of every command of the operator, and every command teaches', async () => {
  const told = section(operation, "## The operator's commands");
  const files = readdirSync(join(REPOSITORY, 'src/cli')).filter((name) => name.endsWith('.ts'));
  const commands: Command[] = [];
  // the entry runs when it is imported
  for (const file of files.filter((name) => name !== 'main.ts')) {
    const exported: Record<string, unknown> = await import(`../src/cli/${file}`);
    commands.push(...Object.values(exported).filter(isCommand));
  }
  expect(commands.length).toBeGreaterThan(8);
  for (const { name, help, summary } of commands) {
    expect(read('src/cli/main.ts')).toMatch(new RegExp(`from './${name}\\.ts'`));
    expect(told, name).toContain(`npm run cli -- ${name}`);
    expect(help, name).toMatch(new RegExp(`npm run (--silent )?cli -- ${name}\\b`));
    expect(help, name).toContain('Exit codes: 0');
    expect(help, name).not.toMatch(/^.{101,}$/m);
    expect(summary.length).toBeLessThan(80);
  }
});

function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && 'run' in value && 'help' in value;
}

it('names commands and folders that there are', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const document of [readme, operation, contributing, security]) {
    for (const [, name = ''] of document.matchAll(/npm run (?:--silent )?([\w:]+)/g)) {
      expect(Object.keys(scripts)).toContain(name);
    }
    for (const [, folder = '', name] of document.matchAll(/npm run -w (\S+) (\w+)/g)) {
      expect(Object.keys(JSON.parse(read(`${folder}/package.json`)).scripts)).toContain(name);
    }
  }
  const paths = DOCUMENTS.flatMap((document) =>
    codes(read(document))
      .filter((word) =>
        /^(src|test|docs|drizzle|scripts|bench|packages|examples)\/[\w/.-]*$/.test(word),
      )
      .map((path) => [path, document] as const),
  );
  expect(paths.length).toBeGreaterThan(5);
  for (const [path, document] of paths) {
    // that of an example speaks of its own files
    const places = [path, join(dirname(document), path)];
    expect(
      places.some((place) => existsSync(join(REPOSITORY, place))),
      path,
    ).toBe(true);
  }
});

it('shows the figures of the benchmarks as they were measured', () => {
  const results = readResults(join(REPOSITORY, RESULTS));
  expect(Object.keys(results).length).toBeGreaterThan(0);
  // npm run bench:table
  expect(withFindings(readme, results)).toBe(readme);
});

describe.each(DOCUMENTS)('%s', (path) => {
  const text = read(path);

  it('links to what there is', () => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      // the web, and the placeholders of mail
      if (/^(https?:|\{\{)/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : join(dirname(path), file);
      expect(relative(REPOSITORY, join(REPOSITORY, linked)), target).not.toMatch(/^\.\./);
      expect(statSync(join(REPOSITORY, linked)).isFile(), target).toBe(true);
      if (anchor !== undefined) expect(anchors(read(linked)), target).toContain(anchor);
    }
  });

  it('knows nothing of the machine it was written on', () => {
    expect(text).not.toMatch(/(?<![\w.~-])\/(work|root|home|Users|tmp|mnt)\//);
    // links have been followed above, and stay in the repository
    expect(text.replace(/\]\([^)]*\)/g, '')).not.toMatch(/\.\.\/\.\.|\.\.\/shared/);
    expect(text).not.toMatch(/\b(assistant|chatbot|language model|LLM|transcript)\b/i);
    expect(text).not.toMatch(/\bregistry\.|\bTODO\b|\bFIXME\b/);
  });
});

/** The anchors of a document's headings, as they are made on the web. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}
