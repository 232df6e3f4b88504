import { join } from 'node:path';
import { type Cluster, SERVICE_PASSWORD, type Site } from './cluster.ts';
import { finish, type Running, sqlAt, start, until } from './node.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const SECRET = 'tests-only-0f5b6c2e9a7d4831bb60c1d2e3f4a596';
const DATABASE = 'latchkey';
const LIMITED = ['register', 'register.account', 'login', 'login.spray', 'login.account'];
LIMITED.push('completeLogin', 'refresh', 'updateProfile', 'enableTotp', 'confirmTotp');

/** A built service that runs as a process of its own. */
export interface Instance {
  name: string;
  url: string;
  process: Running;
}

const hostsOf = (ports: readonly number[]) => ports.map((port) => `127.0.0.1:${port}`).join();

/** How the service reaches a database; with several ports, by a list of hosts. */
export function serviceUrl(...ports: readonly number[]): string {
  return `mysql://latchkey:${SERVICE_PASSWORD}@${hostsOf(ports)}/${DATABASE}`;
}

/** Makes the database, its tables and a user of few rights, as an operator does with `migrate`. */
export async function prepareDatabase(cluster: Cluster): Promise<void> {
  await sqlAt(
    await cluster.written(),
    `create database ${DATABASE} character set utf8mb4 collate utf8mb4_unicode_ci`,
    'create database beats',
    'create table beats.beats (id int primary key, beat int)',
    'insert into beats.beats values (1, 0)',
    `create user latchkey@'127.0.0.1' identified by '${SERVICE_PASSWORD}'`,
  );
  const command = [process.execPath, join(REPOSITORY, 'dist/cli/main.js'), 'migrate'] as const;
  const env = {
    NODE_ENV: 'test',
    DATABASE_URL: serviceUrl(...cluster.ports),
    MIGRATION_DATABASE_URL: `mysql://root@${hostsOf(cluster.ports)}/${DATABASE}`,
  };
  await finish([...command], { env });
}

/** Starts `dist/main.js` and waits until it is ready. */
export async function startInstance(
  site: Site,
  options: { name: string; port: number; publicPort: number; databaseUrl: string },
): Promise<Instance> {
  const { name, port } = options;
  const running = start([process.execPath, 'dist/main.js'], {
    cwd: REPOSITORY,
    logFile: join(site.directory, `instance-${port}.log`),
    env: {
      NODE_ENV: 'test',
      LOG_LEVEL: 'info',
      HOST: '127.0.0.1',
      PORT: String(port),
      PUBLIC_URL: `http://localhost:${options.publicPort}`,
      DATABASE_URL: options.databaseUrl,
      DATA_DIR: join(site.directory, `instance-${port}`),
      AUTH_SECRET: SECRET,
      // what is measured is the database
      ARGON2_MEMORY: '8',
      ARGON2_PASSES: '1',
      RATE_LIMITS: LIMITED.map((limit) => `${limit}=1000000/60`).join(),
      LOGIN_ATTEMPT_LIMIT: '1000',
      MAX_SESSIONS_PER_USER: '1000',
      TRUSTED_PROXIES: '1',
      WEB: 'off',
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = async () => (await fetch(`${url}/ready`)).ok;
  await until(`the instance by ${name} is ready`, isReady, running, 60);
  return { name, url: `${url}/graphql`, process: running };
}
