import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A tree that Debian packages were unpacked into, beside the system and not installed into it. */
export interface PackageTree {
  root: string;
  /** How a program of the tree is started: by the tree's own loader where it brings one. */
  command(path: string): [program: string, ...args: string[]];
  /** For programs that start others of the tree. */
  env: Record<string, string>;
}

export interface PackageChoice {
  name: string;
  packages: readonly string[];
  /** `system` is the release that this machine has; of another one all libraries come along. */
  release: 'system' | 'sid';
  /** A file that is there once all is unpacked. */
  proof: string;
}

/**
 * Gets packages from the mirror that this machine's apt uses. What was unpacked once is kept.
 *
 * @throws when this is no Debian, or the packages cannot be had
 */
export async function unpack(home: string, choice: PackageChoice): Promise<PackageTree> {
  const root = join(home, choice.name);
  if (!existsSync(join(root, choice.proof))) {
    const { codename, mirror } = debian();
    const release = choice.release === 'system' ? codename : choice.release;
    const apt = join(home, `${choice.name}-apt`);
    await download(apt, `deb ${mirror} ${release} main`, choice);
    mkdirSync(root, { recursive: true });
    const archives = join(apt, 'cache/archives');
    for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(archives, file), root]);
    }
    rmSync(apt, { recursive: true });
  }
  return treeOf(root);
}

function debian(): { codename: string; mirror: string } {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1];
  if (!/^ID=debian$/m.test(release) || codename === undefined) {
    throw new Error('The clusters are made of Debian packages, and this machine has no Debian.');
  }
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...filesIn(folder)].filter((file) => existsSync(file));
  const sources = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const mirror =
    /^URIs: *(\S+\/debian)\/?\s*$/m.exec(sources) ??
    /^deb +(?:\[.*?\] +)?(\S+\/debian)\/? /m.exec(sources);
  if (mirror?.[1] === undefined) throw new Error('No Debian mirror is named in /etc/apt.');
  return { codename, mirror: mirror[1] };
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

async function download(apt: string, source: string, choice: PackageChoice): Promise<void> {
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(apt, folder), { recursive: true });
  }
  writeFileSync(join(apt, 'sources.list'), `${source}\n`);
  writeFileSync(join(apt, 'status'), '');
  const conf = join(apt, 'apt.conf');
  // with another release, nothing of this system is of use; with its own, its libraries are
  const status = choice.release === 'system' ? '/var/lib/dpkg/status' : join(apt, 'status');
  writeFileSync(
    conf,
    `Dir::State "${apt}/state"; Dir::Cache "${apt}/cache"; Dir::State::status "${status}";
Dir::Etc::sourcelist "${apt}/sources.list"; Dir::Etc::sourceparts "-"; APT::Sandbox::User "";
Debug::NoLocking "1"; APT::Architecture::Allow-Insecure "0";\n`,
  );
  const env = { ...process.env, APT_CONFIG: conf, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', 'update'], { env });
  const install = ['-qq', '-y', '--no-install-recommends', '--download-only', 'install'];
  await run('apt-get', [...install, ...choice.packages], { env });
  // those that the system has already are not among them
  const cwd = join(apt, 'cache/archives');
  const nothing = ['-o', `Dir::State::status=${join(apt, 'status')}`];
  await run('apt-get', ['-qq', ...nothing, 'download', ...choice.packages], { env, cwd });
}

function treeOf(root: string): PackageTree {
  const architecture = readdirSync(join(root, 'usr/lib')).find((name) => /-linux-gnu/.test(name));
  const libraries = join(root, 'usr/lib', architecture ?? '');
  const loader = ['usr/lib64/ld-linux-x86-64.so.2', 'usr/lib/ld-linux-aarch64.so.1']
    .map((path) => join(root, path))
    .find((path) => existsSync(path));
  const path = `${join(root, 'usr/bin')}:${join(root, 'usr/sbin')}:${process.env.PATH ?? ''}`;
  return {
    root,
    command: (program) =>
      loader === undefined
        ? [join(root, program)]
        : [loader, '--library-path', libraries, join(root, program)],
    env: { PATH: path, ...(loader === undefined ? { LD_LIBRARY_PATH: libraries } : {}) },
  };
}
