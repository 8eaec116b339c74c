/** The command as people start it: bin/tartan in a process of its own, on the built dist/. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { linesOf, type Outcome, temporaryFolder } from './harness.js';

const bin = fileURLToPath(new URL('../../../bin/tartan', import.meta.url));

function run(argv: readonly string[], cwd = temporaryFolder()): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, out, err }));
  });
}

/** A folder that holds `a.yaml`. */
function folderWith(text: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'a.yaml'), text);
  return folder;
}

const right = `apiVersion: tartan.dev/v1
kind: Router
metadata: {name: a}
spec:
  asn: 65001
  routerId: 192.0.2.1
  peers:
  - {name: tor1, address: 192.0.2.2, asn: 65001}
`;

const fiveMistakes = `apiVersion: tartan.dev/v1
kind: Router
metadata: {name: a}
spec:
  asn: 65001
  routerId: 192.0.2
  maxPath: 4
  peers:
  - name: tor1
    address: 192.0.2.2
    asn: 70000000000
    import: [inn]
  filters:
    in: [{action: accept}]
  networks: [10.1.0.1/16]
`;

describe('tartan check', () => {
  it('tells five mistakes with their places, and exits with 1', async () => {
    const { code, out, err } = await run(['check', '--config', 'a.yaml'], folderWith(fiveMistakes));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(linesOf(err)).toEqual([
      expect.stringMatching(/^a\.yaml:6:13: `spec\.routerId` is "192\.0\.2", .*; expected /),
      expect.stringMatching(/^a\.yaml:7:3: unknown key `maxPath` in `spec`; did you mean `maxPaths`\?$/),
      expect.stringMatching(/^a\.yaml:11:10: `spec\.peers\[0\]\.asn` is 70000000000; expected an AS number/),
      expect.stringMatching(/^a\.yaml:12:14: `spec\.peers\[0\]\.import\[0\]` names the filter `inn`/),
      expect.stringMatching(/^a\.yaml:15:14: `spec\.networks\[0\]` is "10\.1\.0\.1\/16", .*; expected /),
      'tartan: 5 errors',
    ]);
  });

  it('says what it found where all is right, and exits with 0', async () => {
    expect(await run(['check', '-c', 'a.yaml'], folderWith(right))).toEqual({
      code: 0,
      out: 'Router a is right: AS 65001, 1 peer\n',
      err: '',
    });
  });

  it('warns without failing', async () => {
    const folder = folderWith(right.replace('asn: 65001}', 'asn: 65002}'));
    const { code, err } = await run(['check', '-c', folder]);
    expect(code).toBe(0);
    expect(err).toMatch(/a\.yaml:8:5: warning: peer `tor1` is eBGP without `import` and `export`/);
  });

  it('names a file that is not there', async () => {
    const { code, err } = await run(['check', '--config', '/no/such.yaml']);
    expect(code).toBe(1);
    expect(err).toMatch(/^\/no\/such\.yaml:1:1: can't be read: no such file or folder/);
  });

  it('without --config is wrong usage', async () => {
    expect((await run(['check'])).code).toBe(2);
  });
});

describe('tartan render', () => {
  it('prints the Router with every default, as YAML and as JSON', async () => {
    const folder = folderWith(right);
    const yaml = await run(['render', '-c', folder, '--node', 'a']);
    const json = await run(['render', '-c', folder, '--node', 'a', '-o', 'json']);
    expect([yaml.code, json.code, yaml.err, json.err]).toEqual([0, 0, '', '']);
    const value = JSON.parse(json.out);
    expect(load(yaml.out)).toEqual(value);
    expect(value.spec).toMatchObject({ maxPaths: 1, kernel: { protocol: 84, metric: 1024 } });
    expect(value.spec.peers[0]).toMatchObject({ name: 'tor1', holdTime: 90, families: ['ipv4'] });
  });

  it('fails for a node that has no Router', async () => {
    const { code, out, err } = await run(['render', '-c', folderWith(right), '--node', 'b']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/no Router is named `b`/);
  });
});

describe('tartan show', () => {
  it('without a daemon says which socket it tried, and exits with 1', async () => {
    const { code, out, err } = await run(['show', 'peers', '--control', '/no/such/tartan.sock']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^tartan: no daemon runs .*\/no\/such\/tartan\.sock; start one with `tartan run`/);
  });

  it('takes --control in front of the verb too', async () => {
    const { err } = await run(['--control', '/no/such/tartan.sock', 'show', 'peers']);
    expect(err).toContain('/no/such/tartan.sock');
  });
});
