import { describe, expect, it } from 'vitest';
import {
  attributeSpecs,
  describeAttributes,
  readPrefixes,
  UpdateDecoder,
  type UpdateResult,
} from '../../../src/bgp/wire/index.js';
import {
  type DamageRow,
  damagedUpdate,
  damageRows,
  damages,
  impossible,
  mendedUpdate,
  nameOf,
  type Outcome,
  type Surroundings,
} from '../../support/rfc7606.js';

const decoder = new UpdateDecoder();
const around: Surroundings = {
  withdrawn: [{ length: 16, octets: Buffer.from([10, 1]) }],
  nlri: [{ length: 16, octets: Buffer.from([10, 2]) }],
  withIpv6: true,
};

function decode(body: Buffer, { twoOctet }: DamageRow, ebgp: boolean): UpdateResult {
  return decoder.decode(body, 0, body.length, { fourOctetAs: twoOctet !== true, ebgp });
}

const attributesOf = (r: UpdateResult, i: 0 | 1) =>
  r.canonicalEnd[i] === r.canonicalStart[i]
    ? null
    : describeAttributes(r.canonical, r.canonicalStart[i], r.canonicalEnd[i]);

/** Everything that an UPDATE came to, in values of its own. */
function seen(body: Buffer, row: DamageRow, ebgp: boolean) {
  const r = decode(body, row, ebgp);
  const prefixes = (start: number, end: number, family: 0 | 1) =>
    readPrefixes(body, start, end, family).length;
  return {
    severity: r.error?.severity ?? 'none',
    subcode: r.error?.subcode,
    offset: r.error?.offset ?? r.discarded[0]?.offset,
    discarded: r.discarded.map(({ attribute, subcode }) => [attribute, subcode]),
    ipv4: attributesOf(r, 0),
    ipv6: attributesOf(r, 1),
    withdrawn: prefixes(r.withdrawnStart, r.withdrawnEnd, 0),
    nlri: prefixes(r.nlriStart, r.nlriEnd, 0),
    reach: r.reachFamily === 1 ? prefixes(r.reachStart, r.reachEnd, 1) : 0,
    unreach: r.unreachFamily === 1 ? prefixes(r.unreachStart, r.unreachEnd, 1) : 0,
  };
}

/** Whether the octet at which the error is placed begins the damaged attribute. */
function expectPlace(body: Buffer, row: DamageRow, offset: number | undefined): void {
  if (row.damage === 'missing') return;
  expect(offset).toBeDefined();
  expect(body[(offset ?? 0) + 1]).toBe(row.code);
}

function expectOutcome(row: DamageRow, outcome: Outcome, ebgp: boolean): void {
  const body = damagedUpdate(row, around);
  const result = seen(body, row, ebgp);
  const mended = seen(mendedUpdate(row, around), row, ebgp);
  expect(mended).toMatchObject({
    severity: 'none',
    discarded: [],
    nlri: 1,
    reach: 1,
    withdrawn: 1,
    unreach: 1,
  });
  switch (outcome) {
    case 'kept':
    case 'ignored':
      expect(result).toEqual(mended);
      return;
    case 'discard':
      // Every route of the UPDATE survives, in both families, with all its other attributes.
      expect({ ...result, discarded: [], offset: undefined }).toEqual(mended);
      expect(result.discarded).toEqual([[row.code, row.subcode]]);
      expectPlace(body, row, result.offset);
      return;
    case 'withdraw':
      expect(result).toMatchObject({
        severity: 'treatAsWithdraw',
        subcode: row.subcode,
        ipv4: null,
        ipv6: null,
      });
      // What it withdraws is withdrawn, and what it announces is known, so that exactly that goes.
      expect(result).toMatchObject({ withdrawn: 1, nlri: 1 });
      if (row.code !== 14 || row.damage !== 'overlong') expect(result.reach).toBe(1);
      expectPlace(body, row, result.offset);
      return;
    case 'reset':
      expect(result).toMatchObject({
        severity: 'reset',
        subcode: row.subcode,
        nlri: 0,
        reach: 0,
        withdrawn: 0,
      });
      expectPlace(body, row, result.offset);
  }
}

describe('RFC 7606: each attribute with each kind of damage', () => {
  for (const side of ['ebgp', 'ibgp'] as const) {
    describe(side === 'ebgp' ? 'from an external peer' : 'from an internal peer', () => {
      it.each(damageRows.map((row) => [nameOf(row), row[side], row.clause, row] as const))(
        '%s: %s (%s)',
        (_, outcome, _clause, row) => expectOutcome(row, outcome, side === 'ebgp'),
      );
    });
  }

  it('leaves out no attribute that we know and no kind of damage that it can have', () => {
    const missing: string[] = [];
    for (const spec of attributeSpecs) {
      if (spec === null) continue;
      for (const damage of damages) {
        const isCovered = damageRows.some((row) => row.code === spec.code && row.damage === damage);
        const isImpossible = `${spec.code} ${damage}` in impossible;
        const isOptionalMp = damage === 'missing' && (spec.code === 14 || spec.code === 15);
        if (isCovered === (isImpossible || isOptionalMp)) missing.push(`${spec.name} ${damage}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
