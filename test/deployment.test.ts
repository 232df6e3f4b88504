import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');

const VARIABLES = new Set(
  [...read('src/environment.ts').matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name),
);
// of the mails that the examples send already
for (const name of ['SMTP_URL', 'MAIL_FROM']) VARIABLES.add(name);

/** The lines under a key of a YAML file, up to the next that is not deeper. */
function under(yaml: string, key: string): string[] {
  const found = new RegExp(`^( *)(?:- )?${key}:(?: &\\w+)?\\n`, 'm').exec(yaml);
  if (found === null) throw new Error(`There is no ${key}.`);
  const depth = (found[1] ?? '').length;
  const lines = yaml.slice(found.index + found[0].length).split('\n');
  const end = lines.findIndex((line) => line.trim() !== '' && line.search(/\S/) <= depth);
  return lines.slice(0, end === -1 ? undefined : end);
}

const namesIn = (lines: string[]) =>
  lines.flatMap((line) => /^ +([A-Z][A-Z0-9_]*):/.exec(line)?.[1] ?? []);

describe('compose.yaml', () => {
  const compose = read('compose.yaml');

  it('sets variables of the service only', () => {
    const service = namesIn(under(under(compose, 'x-latchkey').join('\n'), 'environment'));
    const migration = namesIn(under(under(compose, 'migrate').join('\n'), 'environment'));
    expect(service).toEqual(
      expect.arrayContaining(['DATABASE_URL', 'AUTH_SECRET', 'PUBLIC_URL', 'TRUSTED_PROXIES']),
    );
    expect(migration).toContain('MIGRATION_DATABASE_URL');
    expect([...service, ...migration].filter((name) => !VARIABLES.has(name))).toEqual([]);
    // who serves must not be able to change tables
    expect(service).not.toContain('MIGRATION_DATABASE_URL');
  });

  it('has no password in it, and says what to set', () => {
    const given = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    expect(given.length).toBeGreaterThan(5);
    for (const [, rest] of compose.matchAll(/\$\{\w+([^}]*)\}/g)) expect(rest).toMatch(/^:\?/);
    const [head = ''] = compose.split('x-latchkey', 1);
    for (const name of given) expect(head).toContain(`${name}=%s`);
    expect(read('.gitignore')).toMatch(/^\.env$/m);
  });

  it('mounts files that there are, and names instances that the proxy knows', () => {
    for (const [, file = ''] of compose.matchAll(/- \.\/(\S+?):/g)) {
      expect(existsSync(join(REPOSITORY, file)), file).toBe(true);
    }
    const instances = [...compose.matchAll(/^ {2}(latchkey-\d): \*latchkey/gm)].map(
      ([, name]) => name,
    );
    expect(instances).toHaveLength(2);
    for (const name of instances) expect(read('deploy/Caddyfile')).toContain(`${name}:4000`);
    const passwords = namesIn(under(under(compose, 'mysql').join('\n'), 'environment'));
    for (const [, name] of read('deploy/mysql/users.sh').matchAll(/\$(\w+)/g)) {
      expect(passwords).toContain(name);
    }
  });
});

describe('what compose.yaml runs', () => {
  const compose = read('compose.yaml');
  const service = (name: string) => under(compose, name).join('\n');

  it('is built once, for the one that the others wait for', () => {
    // several builds of one image at the same time fail where one is faster
    expect(compose.match(/^ +build:/gm)).toHaveLength(1);
    expect(service('migrate')).toContain('build: .');
    expect(service('x-latchkey')).toContain('pull_policy: never');
    expect(service('x-latchkey')).toMatch(/migrate: \{ condition: service_completed_successfully/);
    for (const name of ['migrate', 'x-latchkey']) expect(service(name)).toContain('<<: *confined');
    expect(service('x-confined')).toContain('image: latchkey');
  });

  it('fills no disk with its log, and can be stopped', () => {
    expect(service('x-logging')).toMatch(/max-size: \d+m/);
    expect(service('x-confined')).toContain('init: true');
    const services = compose.slice(compose.indexOf('\nservices:'));
    const images = services.match(/^ {4}image: .*\n {4}logging: \*logging$/gm) ?? [];
    expect(images).toHaveLength((services.match(/^ {4}image:/gm) ?? []).length);
    expect(service('x-confined')).toContain('logging: *logging');
  });

  it('is told of with commands that there are', () => {
    const commands = readdirSync(join(REPOSITORY, 'src/cli')).map((file) => file.slice(0, -3));
    for (const text of [compose, read('deploy/kubernetes.yaml')]) {
      const told = [...text.matchAll(/^#.*node dist\/cli\/main\.js ([\w-]+)/gm)];
      expect(told.map(([, name]) => name)).toEqual(['create-admin', 'doctor']);
      for (const [, name = ''] of told) expect(commands).toContain(name);
    }
    // without the file every command of compose fails: the secrets are required
    for (const [line] of compose.matchAll(/^# +docker compose .*/gm)) {
      expect(line).toContain('--env-file deploy/.env');
    }
  });
});

describe('the example for Kubernetes', () => {
  const kubernetes = read('deploy/kubernetes.yaml');

  it('sets variables of the service only, and the service’s user may not migrate', () => {
    const named = [
      ...namesIn(kubernetes.split('\n')),
      ...[...kubernetes.matchAll(/- name: ([A-Z_]+)$/gm)].map(([, name = '']) => name),
    ];
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !VARIABLES.has(name))).toEqual([]);
    const deployment = kubernetes.slice(kubernetes.indexOf('kind: Deployment'));
    expect(deployment).not.toContain('latchkey-migration');
  });

  it('gives the drain its time, and asks at paths that there are', () => {
    const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(kubernetes)?.[1]);
    const preStop = Number(/command: \[sleep, ["'](\d+)/.exec(kubernetes)?.[1]);
    const drainMs = Number(
      /DRAIN_MS = ([\d_]+)/.exec(read('src/process.ts'))?.[1]?.replace('_', ''),
    );
    expect(grace).toBeGreaterThan(preStop + drainMs / 1000 + 5);
    const stop = Number(/stop_grace_period: (\d+)s/.exec(read('compose.yaml'))?.[1]);
    const delay = Number(/SHUTDOWN_DELAY_SECONDS: "(\d+)"/.exec(read('compose.yaml'))?.[1]);
    expect(stop).toBeGreaterThan(delay + drainMs / 1000 + 5);
    const healthInterval = Number(/health_interval (\d+)s/.exec(read('deploy/Caddyfile'))?.[1]);
    expect(delay).toBeGreaterThan(2 * healthInterval);
    for (const [, path = ''] of kubernetes.matchAll(/path: (\/\w+), port/g)) {
      expect(read('src/app.ts')).toContain(`'${path}':`);
    }
  });

  it('has anchors in no document but their own', () => {
    for (const document of kubernetes.split(/^---$/m)) {
      const anchors = [...document.matchAll(/: &(\w+)/g)].map(([, name]) => name);
      const aliases = [...document.matchAll(/: \*(\w+)/g)].map(([, name]) => name);
      expect(aliases.filter((name) => !anchors.includes(name))).toEqual([]);
    }
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('has all that the service loads outside of its own folder', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?:--from=\w+ \S+ )?(.+)$/gm)].flatMap(
      ([, words = '']) => words.split(' ').flatMap((word) => [word, word.replace(/\/.*/, '')]),
    );
    const dist = join(REPOSITORY, 'src');
    for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const up = '../'.repeat(name.split('/').length);
      for (const [, folder = ''] of read(join('src', name)).matchAll(
        new RegExp(`'${up.replaceAll('.', '\\.')}(\\w+)[/']`, 'g'),
      )) {
        expect(copied, name).toContain(folder);
      }
    }
    expect(copied).toEqual(expect.arrayContaining(['node_modules', 'dist', 'drizzle', 'scripts']));
  });

  it('sets variables of the service only, runs without rights and takes no secret with it', () => {
    const own = new Set([...VARIABLES, 'MALLOC_ARENA_MAX']);
    for (const [, settings = ''] of dockerfile.matchAll(/^ENV (.+)$/gm)) {
      for (const [, name] of settings.matchAll(/(\w+)=/g)) expect(own).toContain(name);
    }
    const last = dockerfile.slice(dockerfile.lastIndexOf('FROM'));
    expect(last.indexOf('USER node')).toBeGreaterThan(0);
    expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('CMD ["node", "--max'));
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).toEqual(
      expect.arrayContaining(['.env', '.env.*', '.data', '.git', '**/node_modules']),
    );
  });

  it('is readable for the service’s user, however private the checkout was', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('FROM'));
    for (const [line] of last.matchAll(/^COPY .*/gm)) expect(line).toContain('--from=');
    const [, opened = ''] = /chmod -R a\+rX (.*)/.exec(dockerfile) ?? [];
    for (const [, paths = ''] of last.matchAll(/^COPY --from=build (.*) \S+$/gm)) {
      for (const path of paths.split(' ')) {
        expect(opened.split(' ')).toContain(path.replace('/app/', ''));
      }
    }
  });

  it('leaves out what is never loaded, and no licence', async () => {
    const [, prune = ''] = /^RUN (rm -rf node_modules[\s\S]*?-delete)$/m.exec(dockerfile) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-image-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const kept = ['a/index.js', 'a/b.cjs', 'a/c.mjs', 'a/package.json', 'a/native.node'];
    const licences = ['a/LICENSE', 'a/LICENSE.md', 'a/license.md', 'a/LICENCE.md', 'a/NOTICE.md'];
    const gone = ['a/index.d.ts', 'a/b.d.cts', 'a/src/x.ts', 'a/index.js.map', 'a/README.md'];
    const left = [...kept, ...licences];
    for (const file of [...left, ...gone, '@types/node/package.json', 'kysely/index.js']) {
      mkdirSync(join(folder, 'node_modules', file, '..'), { recursive: true });
      writeFileSync(join(folder, 'node_modules', file), '');
    }
    const [code] = await once(spawn('sh', ['-c', prune], { cwd: folder }), 'exit');
    expect(code).toBe(0);
    const found = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' });
    expect(
      found.filter((name) => statSync(join(folder, 'node_modules', name)).isFile()).sort(),
    ).toEqual(left.sort());
    // what it removes whole is nothing that we import
    for (const name of readdirSync(join(REPOSITORY, 'src'), {
      recursive: true,
      encoding: 'utf8',
    })) {
      if (name.endsWith('.ts')) expect(read(join('src', name)), name).not.toMatch(/'kysely/);
    }
  });

  it('is healthy while the service answers, and only then', async () => {
    let status = 200;
    const server = createServer((_request, response) => response.writeHead(status).end('{}'));
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const check = async () => {
      const script = join(REPOSITORY, 'scripts/healthcheck.js');
      const child = spawn(process.execPath, [script], { env: { PORT: String(port) } });
      const [code] = await once(child, 'exit');
      return code;
    };
    expect(await check()).toBe(0);
    status = 503;
    expect(await check()).toBe(1);
    server.close();
    await once(server, 'close');
    expect(await check()).toBe(1);
  });
});

describe('the example for HAProxy', () => {
  const haproxy = read('deploy/haproxy.cfg');
  const sent = [...haproxy.matchAll(/send-binary (\w+)(?:\n +# (.*))?/g)].map(
    ([, hex = '', statement]) => ({ packet: Buffer.from(hex, 'hex'), statement }),
  );

  it('starts without a database, and finds one again that has moved', () => {
    expect(haproxy).toMatch(/default-server .* resolvers system init-addr last,libc,none$/m);
    const resolvers = haproxy.slice(haproxy.indexOf('\nresolvers system'));
    expect(resolvers).toContain('parse-resolv-conf');
    // by default a host is given up when the name servers have failed for half a minute
    for (const trouble of ['nx', 'other', 'refused', 'timeout']) {
      expect(resolvers).toContain(`hold ${trouble} 20d`);
    }
  });

  it('sends whole packets', () => {
    expect(sent.length).toBeGreaterThan(6);
    for (const { packet } of sent) expect(packet.readUIntLE(0, 3)).toBe(packet.length - 4);
  });

  it('asks what the comments say, as the user that its head says', () => {
    const statements = sent.filter(({ statement }) => statement !== undefined);
    expect(statements).toHaveLength(3);
    for (const { packet, statement } of statements) {
      expect(packet.subarray(5).toString()).toBe(statement);
    }
    const signIns = sent.filter(({ packet }) => packet.includes('_password'));
    expect(signIns).toHaveLength(2);
    for (const { packet } of signIns) expect(packet.includes('latchkey_check\0')).toBe(true);
    expect(haproxy).toContain("CREATE USER latchkey_check@'10.0.0.%'");
  });
});
