/** The scripts of a machine (see machine.ts): its first process, and what it runs. */
import { quote } from './namespaces.js';

/** Where the machine sees its folder. */
const inside = '/run/machine';
/** Debian's modules of the kernel; modprobe looks below `lib/modules` of a root that it is told. */
export const modulesRoot = '/usr/lib/uml/modules';

/**
 * The machine's first process: mounts what is the machine's own, then waits at the serial line for names of requests,
 * each of which it runs beside the others.
 * @param directory The machine's folder on the host.
 * @param environment Of everything that runs in the machine.
 */
export function initScript(directory: string, environment: Readonly<Record<string, string>>): string {
  return [
    '#!/bin/sh',
    'set -e',
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}`),
    'mount -t proc proc /proc',
    'mount -t sysfs sysfs /sys',
    'mkdir -p /dev/pts /dev/shm',
    'mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts',
    'mount -t tmpfs -o mode=1777 tmpfs /dev/shm',
    'mount -t tmpfs -o mode=755 tmpfs /run',
    `mkdir -p /run/lock /run/modules/lib ${inside}`,
    'mkdir -m 1777 /run/tmp',
    `mount -t hostfs -o ${quote(directory)} none ${inside}`,
    // The kernel loads modules by itself when a device of their kind is asked for.
    `ln -s ${modulesRoot} /run/modules/lib/modules`,
    `printf '#!/bin/sh\\nexec modprobe -d /run/modules "$@"\\n' > /run/modules/modprobe`,
    'chmod 755 /run/modules/modprobe',
    'echo /run/modules/modprobe > /proc/sys/kernel/modprobe',
    // IPv6 is a module here, and nothing asks for it before it is there.
    'modprobe -d /run/modules ipv6',
    'hostname machine',
    'ip link set lo up',
    'stty -F /dev/ttyS0 raw -echo',
    'exec 3</dev/ttyS0',
    `echo up > ${inside}/up`,
    'set +e',
    'while read -r id <&3; do',
    '  if [ "$id" = off ]; then sync; echo o > /proc/sysrq-trigger; fi',
    `  sh ${inside}/"$id".request </dev/null 3<&- &`,
    'done',
    '',
  ].join('\n');
}

/** A request: runs the words and leaves what they wrote, then their status, in the machine's folder. */
export function requestScript(
  id: number,
  argv: readonly string[],
  options: {
    cwd: string;
    env: Readonly<Record<string, string>>;
    /** What it writes goes to the console instead. */
    console: boolean;
  },
): string {
  const file = `${inside}/${id}`;
  const output = options.console ? '>/dev/console 2>&1' : `>${file}.out 2>${file}.err`;
  const env = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const words = ['env', `--chdir=${options.cwd}`, ...env, ...argv];
  return [
    `${words.map(quote).join(' ')} ${output}`,
    // Whoever waits for it sees the file whole, and what was written before it.
    `echo $? > ${file}.status.new`,
    `mv ${file}.status.new ${file}.status`,
    '',
  ].join('\n');
}
