import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, Lab, mustRun } from '../../interop/index.js';
import { checkRouters } from '../../src/config/index.js';
import { ControlClient } from '../../src/control/index.js';

const folder = join(checkout, 'conf');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const tartan = join(checkout, 'bin/tartan');

describe.each(files)('conf/%s', (file) => {
  const path = join(folder, file);
  const { routers, errors } = checkRouters([path]);
  let lab: Lab;
  beforeAll(async () => {
    const nodes = Object.fromEntries(routers.map(({ name }) => [name, { image: 'alpine' }]));
    lab = await Lab.up({ name: 'examples', topology: { nodes } });
  });
  afterAll(() => lab?.down());

  it('is what `tartan check` calls correct', async () => {
    expect(errors).toEqual([]);
    await mustRun([tartan, 'check', '--config', path]);
  });

  it.each(routers.map(({ name }) => name))('runs as it is: %s', async (name) => {
    const node = lab.node(name);
    const daemon = await lab.spawn(name, [
      tartan,
      'run',
      '--config',
      path,
      '--node',
      name,
      '--control',
      '/run/t.sock',
    ]);
    await daemon.untilOutput(/"type":"running"/);
    const client = new ControlClient(`${node.directory}/run/t.sock`);
    expect(await client.status()).toMatchObject({ name });
    const shown = await lab.exec(name, [tartan, '--control', '/run/t.sock', 'show', 'peers']);
    for (const peer of routers.find((router) => router.name === name)?.peers ?? []) {
      expect(shown.stdout).toContain(peer.name);
    }
    expect(await daemon.kill('SIGTERM')).toMatchObject({ code: 0 });
  });
});
