import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CHECK_USER, type Cluster, type Site } from './cluster.ts';
import { finish, type Running, sqlAt, start, until } from './node.ts';
import { type PackageTree, unpack } from './packages.ts';

const GROUP = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
// what is killed is a process, and the system keeps what it has written
const RELAXED = ['--innodb-buffer-pool-size=64M', '--innodb-flush-log-at-trx-commit=2'];
const JOIN = "start group_replication user='repl', password='repl'";

/** Brings up MySQL Group Replication with a single primary. */
export async function startGroupReplication(site: Site, basePort: number): Promise<Cluster> {
  const tree = await unpack(site.home, {
    name: 'mysql',
    packages: ['mysql-server-core'],
    release: 'sid',
    proof: 'usr/sbin/mysqld',
  });
  const ports = [basePort, basePort + 1, basePort + 2];
  site.say('MySQL Group Replication: making data directories');
  await initialise(tree, site, ports);
  const nodes = new Map<number, Running>();
  const launch = async (port: number) => {
    const node = startMember(tree, site, port, ports);
    nodes.set(port, node);
    await until(`mysqld on ${port} answers`, () => answers(port), node);
  };
  for (const port of ports) {
    site.say(`MySQL Group Replication: starting ${port}`);
    await launch(port);
    await sqlAt(port, ...accounts());
    await sqlAt(port, ...(port === basePort ? bootstrap() : [JOIN]));
    await until(`${port} is online`, () => isOnline(port));
  }
  return {
    name: 'MySQL Group Replication',
    ports,
    proxySection: 'group-replication',
    written: () => primary(ports),
    kill: async (port) => nodes.get(port)?.kill('SIGKILL'),
    async rejoin(port) {
      await launch(port);
      // the group may not have expelled it yet
      await until(`${port} is back`, async () => {
        if (await isOnline(port)) return true;
        await sqlAt(port, JOIN).catch(() => undefined);
        return isOnline(port);
      });
    },
    async stop() {
      await Promise.all([...nodes.values()].map((node) => node.kill('SIGKILL')));
    },
  };
}

async function initialise(tree: PackageTree, site: Site, ports: number[]): Promise<void> {
  const first = dataOf(site, ports[0]);
  mkdirSync(site.directory, { recursive: true });
  const options = [...common(tree), `--datadir=${first}`, '--initialize-insecure'];
  await finish([...tree.command('usr/sbin/mysqld'), '--no-defaults', ...options]);
  // which holds the server's identity
  rmSync(join(first, 'auto.cnf'), { force: true });
  for (const port of ports.slice(1)) cpSync(first, dataOf(site, port), { recursive: true });
}

const dataOf = ({ directory }: Site, port = 0) => join(directory, `mysql-${port}`);

function common({ root }: PackageTree): string[] {
  const usr = join(root, 'usr');
  return [
    `--basedir=${usr}`,
    `--lc-messages-dir=${usr}/share/mysql`,
    `--character-sets-dir=${usr}/share/mysql/charsets`,
    `--plugin-dir=${usr}/lib/mysql/plugin`,
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
}

function startMember(tree: PackageTree, site: Site, port: number, ports: number[]): Running {
  const seeds = ports.map((seed) => `127.0.0.1:${seed + 100}`).join();
  const options = [
    `--datadir=${dataOf(site, port)}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(site.directory, `${port}.sock`)}`,
    `--pid-file=${join(site.directory, `${port}.pid`)}`,
    '--mysqlx=OFF',
    '--secure-file-priv=NULL',
    '--report-host=127.0.0.1',
    ...RELAXED,
    '--sync-binlog=0',
    `--server-id=${port}`,
    '--gtid-mode=ON',
    '--enforce-gtid-consistency=ON',
    '--log-bin=binlog',
    '--plugin-load-add=group_replication.so',
    `--loose-group-replication-group-name=${GROUP}`,
    '--loose-group-replication-start-on-boot=OFF',
    // otherwise the group itself takes some twenty seconds to give a dead primary up
    '--loose-group-replication-member-expel-timeout=0',
    `--loose-group-replication-local-address=127.0.0.1:${port + 100}`,
    `--loose-group-replication-group-seeds=${seeds}`,
    '--loose-group-replication-ip-allowlist=127.0.0.1/8',
    '--loose-group-replication-recovery-get-public-key=ON',
  ];
  return start([...tree.command('usr/sbin/mysqld'), '--no-defaults', ...common(tree), ...options], {
    logFile: join(site.directory, `${port}.log`),
  });
}

function accounts(): string[] {
  return [
    'set sql_log_bin=0',
    "create user repl@'127.0.0.1' identified by 'repl'",
    "grant replication slave, backup_admin, connection_admin, group_replication_stream on *.* to repl@'127.0.0.1'",
    `create user ${CHECK_USER}`,
    'set sql_log_bin=1',
    'reset binary logs and gtids',
  ];
}

function bootstrap(): string[] {
  return [
    'set global group_replication_bootstrap_group=ON',
    JOIN,
    'set global group_replication_bootstrap_group=OFF',
  ];
}

async function answers(port: number): Promise<boolean> {
  return (await sqlAt(port, 'select 1')).length > 0;
}

const MEMBERS =
  'select member_id as id, member_port as port, member_state as state, member_role as role from performance_schema.replication_group_members';

async function isOnline(port: number): Promise<boolean> {
  const rows = await sqlAt(port, MEMBERS);
  return rows.some((row) => row.port === port && row.state === 'ONLINE');
}

async function primary(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const rows = await sqlAt(port, MEMBERS).catch(() => []);
    const found = rows.find((row) => row.state === 'ONLINE' && row.role === 'PRIMARY');
    if (found !== undefined) return Number(found.port);
  }
  throw new Error('No member of the group knows a primary.');
}

/** Makes another member the primary, as for maintenance. @returns its port */
export async function switchPrimary(cluster: Cluster): Promise<number> {
  const port = await cluster.written();
  const rows = await sqlAt(port, MEMBERS);
  const next = rows.find((row) => row.state === 'ONLINE' && row.role === 'SECONDARY');
  if (next === undefined) throw new Error('There is no other member to switch to.');
  await sqlAt(port, `select group_replication_set_as_primary('${next.id}')`);
  return Number(next.port);
}
