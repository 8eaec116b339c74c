#!/usr/bin/env node
/**
 * Brings a fresh checkout to where it can run: node modules, the build, and (asked for with --packages, as root)
 * the Debian packages of the peers that the tests and the demo talk to. Says what it installs; a second run
 * finds everything in place and installs nothing. Uses Node alone, since nothing is installed yet when it starts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Debian packages, each with a file that shows it is there. */
const packages = {
  iproute2: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'],
  'iputils-ping': ['/usr/bin/ping', '/bin/ping'],
  fping: ['/usr/bin/fping'],
  frr: ['/usr/lib/frr/bgpd'],
  'frr-rpki-rtrlib': ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/frr/modules/bgpd_rpki.so`),
  bird2: ['/usr/sbin/bird'],
  gobgpd: ['/usr/bin/gobgpd'],
  openbgpd: ['/usr/sbin/bgpd'],
  exabgp: ['/usr/sbin/exabgp'],
  stayrtr: ['/usr/bin/stayrtr'],
  bgpdump: ['/usr/bin/bgpdump'],
  pmacct: ['/usr/sbin/pmbmpd'],
  tshark: ['/usr/bin/tshark'],
  tcpdump: ['/usr/bin/tcpdump', '/usr/sbin/tcpdump'],
  nftables: ['/usr/sbin/nft'],
  bzip2: ['/usr/bin/bzip2', '/bin/bzip2'],
  gcc: ['/usr/bin/gcc'],
  'libc6-dev': ['/usr/include/stdio.h'],
  procps: ['/usr/bin/ps', '/bin/ps'],
  // A kernel for labs that need what the machine's own kernel lacks; Debian has it for this processor alone.
  ...(process.arch === 'x64' ? { 'user-mode-linux': ['/usr/bin/linux.uml'], kmod: ['/bin/kmod'] } : {}),
};

export const isRoot = process.getuid?.() === 0;

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.status !== 0) {
    console.error(`setup: \`${command} ${args.join(' ')}\` failed`);
    process.exit(result.status ?? 1);
  }
}

/** Installs node modules when the lock file is newer than what stands in node_modules. */
export function nodeModules() {
  const marker = `${root}node_modules/.package-lock.json`;
  const lock = `${root}package-lock.json`;
  const current = existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs;
  if (current) return;
  console.log('setup: installing node modules (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Installs the Debian packages that are missing. Returns false where that takes root and we are not. */
export function debianPackages() {
  const missing = Object.entries(packages)
    .filter(([, files]) => !files.some((file) => existsSync(file)))
    .map(([name]) => name);
  if (missing.length === 0) return true;
  if (!isRoot) {
    console.log(`setup: not root, so these Debian packages stay missing: ${missing.join(' ')}`);
    return false;
  }
  if (!existsSync('/etc/debian_version')) {
    console.log(`setup: not a Debian system; install these by hand: ${missing.join(' ')}`);
    return false;
  }
  console.log(`setup: installing Debian packages: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Debian starts a freshly installed daemon; ours run in namespaces of their own, so forbid that for this install.
  const policy = '/usr/sbin/policy-rc.d';
  const hadPolicy = existsSync(policy);
  const allowAgain = () => rmSync(policy, { force: true });
  // Ctrl-C ends apt-get, whose failure then ends us in good order.
  const outlive = () => {};
  if (!hadPolicy) {
    process.once('exit', allowAgain);
    process.on('SIGINT', outlive);
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  }
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (!hadPolicy) {
    allowAgain();
    process.off('exit', allowAgain);
    process.off('SIGINT', outlive);
  }
  return true;
}

export function build() {
  run('node', ['scripts/build.mjs']);
}

/** Builds unless the last build is newer than every source. */
export function buildIfStale() {
  // The last file that a start needs.
  const built = `${root}dist/bundle/main.js`;
  const since = existsSync(built) ? statSync(built).mtimeMs : 0;
  const sources = ['src', 'interop', 'bench', 'fuzz', 'soak', 'test/oracle'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${root}${folder}/${name}`),
  );
  const bundling = readdirSync(`${root}scripts/bundle`).map((name) => `${root}scripts/bundle/${name}`);
  const others = ['package-lock.json', 'tsconfig.build.json', 'scripts/bundle.mjs'].map(
    (name) => `${root}${name}`,
  );
  const inputs = [...sources, ...bundling, ...others];
  if (inputs.some((file) => statSync(file).mtimeMs > since)) {
    console.log('setup: building');
    build();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  nodeModules();
  if (process.argv.includes('--packages')) debianPackages();
  build();
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  console.log(`setup: tartan ${version} is built; try bin/tartan --help`);
}
