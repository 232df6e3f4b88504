import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, Site } from './cluster.ts';
import { unpackMariadb } from './galera.ts';
import { type Running, start } from './node.ts';

const EXAMPLE = join(import.meta.dirname, '../../deploy/haproxy.cfg');

/** Runs HAProxy in front of a cluster, as deploy/haproxy.cfg has it, with this machine's ports in it. */
export async function startHaproxy(site: Site, cluster: Cluster, port: number): Promise<Running> {
  const tree = await unpackMariadb(site);
  const file = join(site.directory, `haproxy-${port}.cfg`);
  writeFileSync(file, configuration(cluster, port));
  site.say(`HAProxy in front of ${cluster.name} on ${port}`);
  return start([join(tree.root, 'usr/sbin/haproxy'), '-f', file], {
    logFile: join(site.directory, `haproxy-${port}.log`),
    env: tree.env,
  });
}

function configuration(cluster: Cluster, port: number): string {
  const sections = readFileSync(EXAMPLE, 'utf8').split(
    /^(?=(?:global|resolvers|defaults|listen) ?)/m,
  );
  const kept = sections.filter(
    (section) =>
      !section.startsWith('listen ') || section.startsWith(`listen ${cluster.proxySection}\n`),
  );
  if (kept.length !== sections.length - 1)
    throw new Error('deploy/haproxy.cfg has other sections.');
  const hosts = cluster.ports.map((one, index) => [`db${index + 1}.internal:3306`, one] as const);
  return hosts.reduce(
    (text, [name, one]) => text.replaceAll(name, `127.0.0.1:${one}`),
    kept.join('').replace('bind :3306', `bind 127.0.0.1:${port}`),
  );
}
