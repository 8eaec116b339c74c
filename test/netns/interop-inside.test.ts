/** Tartan and each of the daemons in one AS, on a session that carries both families over IPv4. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type DaemonId, daemons } from '../../interop/features.js';
import { Lab, Tartan, tartanConfig } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Remote, remoteOf, untilRemotePath } from './support/remote.js';
import { type RemoteOptions, remoteConfig } from './support/remote-config.js';

const theirs4 = '198.51.100.0/24';
const theirs6 = '2001:db8:100::/48';
const ours4 = '203.0.113.0/24';
const ours6 = '2001:db8:113::/48';

describe.each(Object.keys(daemons) as DaemonId[])('with %s', (daemon) => {
  let lab: Lab;
  let t: Tartan;
  let d: Remote;

  beforeAll(async () => {
    const options: RemoteOptions = {
      asn: 65001,
      routerId: '10.0.0.2',
      announcements: [
        { prefix: theirs4, localPref: 150 },
        // Over an IPv4 session, the others don't find out an IPv6 address of their own.
        { prefix: theirs6, ...(daemon === 'frr' || daemon === 'bird' ? {} : { nextHop: '2001:db8::2' }) },
      ],
      sessions: [
        {
          address: '10.0.0.1',
          localAddress: '10.0.0.2',
          remoteAsn: 65001,
          passive: true,
          families: ['ipv4', 'ipv6'],
        },
      ],
    };
    const document = tartanConfig({
      name: 't',
      asn: 65001,
      routerId: '10.0.0.1',
      spec: {
        networks: [{ prefix: ours4 }, { prefix: ours6 }],
        filters: { preferred: [{ set: { localPref: 120 }, action: 'accept' }] },
        peers: [
          {
            name: 'd',
            address: '10.0.0.2',
            asn: 65001,
            families: ['ipv4', 'ipv6'],
            connectRetry: 1,
            export: 'preferred',
          },
        ],
      },
    });
    const addresses = (n: number): string[] => [
      `ip addr add 10.0.0.${n}/24 dev eth1`,
      `ip -6 addr add 2001:db8::${n}/64 dev eth1 nodad`,
    ];
    lab = await Lab.up(
      {
        name: 'inside',
        topology: {
          nodes: {
            t: { image: 'tartan', 'startup-config': 't.yaml', exec: addresses(1) },
            d: { image: daemon, 'startup-config': 'd.conf', exec: addresses(2) },
          },
          links: [{ endpoints: ['t:eth1', 'd:eth1'] }],
        },
      },
      { files: { 't.yaml': document, 'd.conf': remoteConfig(daemon, options) } },
    );
    t = new Tartan(lab.node('t'));
    d = remoteOf(daemon, lab.node('d'), options);
    await t.untilEstablished('d');
  });
  afterAll(() => lab?.down());

  interop(
    'local-pref',
    daemon,
    'LOCAL_PREF goes both ways inside an AS, and no AS is put in front',
    async () => {
      expect(await t.untilRoute(theirs4)).toMatchObject({ localPref: 150, asPath: '' });
      expect(await untilRemotePath(d, ours4)).toMatchObject({ localPref: 120, asPath: [] });
    },
  );

  interop('families-over-ipv4', daemon, 'IPv6 routes go both ways over an IPv4 session', async () => {
    expect(await t.untilRoute(theirs6)).toMatchObject({ nextHop: '2001:db8::2' });
    expect(await untilRemotePath(d, ours6)).toMatchObject({ nextHop: '2001:db8::1' });
  });
});
