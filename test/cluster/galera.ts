import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CHECK_USER, type Cluster, type Site } from './cluster.ts';
import { finish, type Running, sqlAt, start, until } from './node.ts';
import { type PackageTree, unpack } from './packages.ts';

// a daemon of rsync that root runs may not write what is not root's
const isRoot = process.getuid?.() === 0;

/** What Galera and HAProxy are made of. */
export function unpackMariadb(site: Site): Promise<PackageTree> {
  const server = ['mariadb-server', 'mariadb-server-core', 'mariadb-client-core', 'galera-4'];
  return unpack(site.home, {
    name: 'mariadb',
    packages: [...server, 'rsync', 'lsof', 'haproxy'],
    release: 'system',
    proof: 'usr/lib/galera/libgalera_smm.so',
  });
}

/** Brings up a MariaDB Galera cluster, with its defaults but for what one machine needs. */
export async function startGalera(site: Site, basePort: number): Promise<Cluster> {
  const tree = await unpackMariadb(site);
  const ports = [basePort, basePort + 1, basePort + 2];
  site.say('MariaDB Galera: making data directories');
  await initialise(tree, site, ports);
  const nodes = new Map<number, Running>();
  const launch = async (port: number, ...more: string[]) => {
    const node = startNode(tree, site, port, ports, more);
    nodes.set(port, node);
    await until(`${port} is synced`, () => isSynced(port), node);
  };
  for (const port of ports) {
    site.say(`MariaDB Galera: starting ${port}`);
    await launch(port, ...(port === basePort ? ['--wsrep-new-cluster'] : []));
    if (port === basePort) await sqlAt(port, `create user if not exists ${CHECK_USER}`);
  }
  return {
    name: 'MariaDB Galera',
    ports,
    proxySection: 'galera',
    // all take writes; whoever asks for the one prefers the first
    async written() {
      for (const port of ports) if (await isSynced(port).catch(() => false)) return port;
      throw new Error('No node is synced.');
    },
    kill: async (port) => nodes.get(port)?.kill('SIGKILL'),
    rejoin: (port) => launch(port),
    async stop() {
      await Promise.all([...nodes.values()].map((node) => node.kill('SIGKILL')));
    },
  };
}

async function initialise(tree: PackageTree, site: Site, ports: number[]): Promise<void> {
  mkdirSync(site.directory, { recursive: true });
  chmodSync(site.directory, 0o777);
  const first = dataOf(site, ports[0]);
  mkdirSync(first);
  await finish(
    [
      join(tree.root, 'usr/bin/mariadb-install-db'),
      '--no-defaults',
      `--basedir=${join(tree.root, 'usr')}`,
      `--datadir=${first}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
    ],
    { env: tree.env },
  );
  for (const port of ports.slice(1)) cpSync(first, dataOf(site, port), { recursive: true });
  if (!isRoot) return;
  for (const port of ports) await finish(['chown', '-R', 'nobody', dataOf(site, port)]);
}

const dataOf = ({ directory }: Site, port = 0) => join(directory, `mariadb-${port}`);

function startNode(
  tree: PackageTree,
  site: Site,
  port: number,
  ports: number[],
  more: string[],
): Running {
  const data = dataOf(site, port);
  const usr = join(tree.root, 'usr');
  const provider = [
    `base_host=127.0.0.1;base_port=${port + 100}`,
    `gmcast.listen_addr=tcp://127.0.0.1:${port + 100}`,
    `ist.recv_addr=127.0.0.1:${port + 200}`,
    `gcache.dir=${data};gcache.size=64M`,
  ].join(';');
  const options = [
    `--basedir=${usr}`,
    `--datadir=${data}`,
    ...(isRoot ? ['--user=nobody'] : []),
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(site.directory, `${port}.sock`)}`,
    `--pid-file=${join(site.directory, `${port}.pid`)}`,
    '--skip-name-resolve',
    `--lc-messages-dir=${usr}/share/mysql`,
    `--character-sets-dir=${usr}/share/mysql/charsets`,
    `--plugin-dir=${usr}/lib/mysql/plugin`,
    '--innodb-buffer-pool-size=64M',
    // what is killed is a process, and the system keeps what it has written
    '--innodb-flush-log-at-trx-commit=2',
    '--binlog-format=ROW',
    '--innodb-autoinc-lock-mode=2',
    '--wsrep-on=ON',
    `--wsrep-provider=${usr}/lib/galera/libgalera_smm.so`,
    '--wsrep-cluster-name=latchkey',
    `--wsrep-cluster-address=gcomm://${ports.map((one) => `127.0.0.1:${one + 100}`).join()}`,
    `--wsrep-node-name=n${port}`,
    `--wsrep-node-address=127.0.0.1:${port}`,
    `--wsrep-node-incoming-address=127.0.0.1:${port}`,
    '--wsrep-sst-method=rsync',
    `--wsrep-sst-receive-address=127.0.0.1:${port + 300}`,
    `--wsrep-provider-options=${provider}`,
    ...more,
  ];
  return start([join(usr, 'sbin/mariadbd'), '--no-defaults', ...options], {
    logFile: join(site.directory, `${port}.log`),
    env: tree.env,
    cwd: site.directory,
  });
}

async function isSynced(port: number): Promise<boolean> {
  const rows = await sqlAt(port, "show status like 'wsrep_local_state_comment'");
  return rows[0]?.Value === 'Synced';
}

/** How often a node undid work of its own because another node's came first. */
export async function conflicts(port: number): Promise<number> {
  const rows = await sqlAt(
    port,
    "show status where variable_name in ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')",
  );
  return rows.reduce((sum, row) => sum + Number(row.Value), 0);
}

/** The folder of a run holds nothing that anybody needs. */
export function removeRuns(home: string): void {
  for (const name of readdirSync(home).filter((entry) => entry.startsWith('run-'))) {
    rmSync(join(home, name), { recursive: true, force: true });
  }
}
