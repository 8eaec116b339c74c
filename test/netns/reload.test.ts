import { afterEach, describe, expect, it } from 'vitest';
import { Frr, frrConfig, kernelRoutes, Lab, Tartan, tartanConfig } from '../../interop/index.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

const kept = '203.0.113.0/24';
const other = '198.51.100.0/24';
const kept6 = '2001:db8:113::/48';
const filters = {
  all: [{ action: 'accept' }],
  most: [{ match: { prefix: [other] }, action: 'reject' }, { action: 'accept' }],
};

function documentOf(peer: Record<string, unknown>, spec: Record<string, unknown> = {}): string {
  return tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.0.0.1',
    spec: {
      networks: [{ prefix: kept }, { prefix: other }, { prefix: kept6 }],
      filters,
      peers: [
        {
          name: 'p',
          address: '10.0.0.2',
          asn: 65002,
          families: ['ipv4', 'ipv6'],
          connectRetry: 1,
          import: 'all',
          export: 'all',
          ...peer,
        },
      ],
      ...spec,
    },
  });
}

/** `t` (Tartan) and `p` (FRR) on one link. */
async function pair(document: string, peerLines: string[] = []): Promise<{ lab: Lab; t: Tartan; p: Frr }> {
  const addresses = (n: number) => [
    `ip addr add 10.0.0.${n}/24 dev eth1`,
    `ip -6 addr add 2001:db8::${n}/64 dev eth1 nodad`,
  ];
  const peer = frrConfig({
    asn: 65002,
    routerId: '10.0.0.2',
    networks: ['192.0.2.0/25', '192.0.2.128/25'],
    settings: peerLines,
    neighbors: [
      {
        address: '10.0.0.1',
        remoteAsn: 65001,
        families: ['ipv4', 'ipv6'],
        settings: ['timers connect 1'],
      },
    ],
  });
  const lab = await Lab.up(
    {
      name: 'reload',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: addresses(1) },
          p: { image: 'frr', 'startup-config': 'p.conf', exec: addresses(2) },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    { files: { 't.yaml': document, 'p.conf': peer } },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')), p: new Frr(lab.node('p')) };
}

async function reload(lab: Lab, t: Tartan, document: string): Promise<void> {
  await lab.node('t').exec(['sh', '-c', 'printf %s "$1" > /etc/tartan/router.yaml', 'write', document]);
  expect(await t.client.reload()).toMatchObject({ applied: true, errors: [] });
}

describe('a reload', () => {
  it("withdraws what a peer's other export filters do not announce, and its session stays", async () => {
    const { lab, t, p } = await pair(documentOf({}));
    await p.untilPath(other);
    await p.untilPath(kept6);
    const before = await t.untilEstablished('p');

    await reload(lab, t, documentOf({ export: 'most' }));
    await p.untilNoPath(other);
    expect(await p.paths(kept)).toHaveLength(1);
    expect(await t.routes({ peer: 'p', view: 'advertised', prefix: other })).toEqual([]);

    await reload(lab, t, documentOf({ export: 'all' }));
    await p.untilPath(other);

    // The same change, made in the filter.
    await reload(lab, t, documentOf({}, { filters: { ...filters, all: filters.most } }));
    await p.untilNoPath(other);
    expect(await p.paths(kept)).toHaveLength(1);
    expect((await t.peer('p'))?.since).toBe(before.since);
  });

  it('judges what a peer has announced by other import filters', async () => {
    const { lab, t } = await pair(documentOf({}));
    await t.untilInstalled('192.0.2.0/25');
    await t.untilInstalled('192.0.2.128/25');
    const before = await t.peer('p');
    const half = [{ match: { prefix: ['192.0.2.0/25'] }, action: 'accept' }];
    await reload(lab, t, documentOf({ import: 'half' }, { filters: { ...filters, half } }));
    await t.untilPeer('p', (peer) => peer.families.ipv4?.accepted === 1, 'has one route accepted');
    expect(await t.routes({ peer: 'p', view: 'received', prefix: '192.0.2.128/25' })).toHaveLength(1);
    await reload(lab, t, documentOf({}));
    await t.untilInstalled('192.0.2.128/25');
    expect((await t.peer('p'))?.since).toBe(before?.since);
  });
});

describe('an address of ours that goes', () => {
  it('takes the routes with it that had it as next hop, and brings them back with another', async () => {
    const { lab, t, p } = await pair(documentOf({}));
    await p.untilPath(kept6);
    const before = await t.untilEstablished('p');
    await lab.exec('t', ['ip', '-6', 'addr', 'del', '2001:db8::1/64', 'dev', 'eth1']);
    await p.untilNoPath(kept6);
    expect(await p.paths(kept)).toHaveLength(1);
    await lab.exec('t', ['ip', '-6', 'addr', 'add', '2001:db8::9/64', 'dev', 'eth1', 'nodad']);
    await p.untilPath(kept6, (path) => path.nexthops.some(({ ip }) => ip === '2001:db8::9'));
    expect((await t.peer('p'))?.since).toBe(before.since);
  });
});

describe('a stop', () => {
  it('does not wait for peers that restart gracefully, nor for those that a restart of ours waits for', async () => {
    const never = {
      name: 'never',
      address: '10.0.0.77',
      asn: 65003,
      families: ['ipv4'],
      import: 'all',
      export: 'all',
    };
    const peers = (JSON.parse(documentOf({})) as { spec: { peers: object[] } }).spec.peers;
    const { lab, t } = await pair(documentOf({}, { peers: [...peers, never] }), [
      'bgp graceful-restart',
      'bgp graceful-restart preserve-fw-state',
    ]);
    await t.untilInstalled('192.0.2.0/25');
    const { process } = lab.node('t');
    expect((await process.kill('SIGTERM')).code).toBe(0);
    await process.start();
    await t.untilEstablished('p');
    expect((await t.client.status()).phase).toBe('restarting');
    expect((await process.kill('SIGTERM')).code).toBe(0);
    expect(await kernelRoutes(lab.node('t'), { prefix: '192.0.2.0/25' })).toHaveLength(1);
    await process.start();

    // Nobody waits for who is shut down.
    await t.untilEstablished('p');
    await t.client.peerAction('never', 'shutdown');
    await process.untilOutput(/"type":"restartComplete"/);
    expect((await t.peer('never'))?.state).toBe('shutdown');
  });
});
