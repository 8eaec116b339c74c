import { expect, it } from 'vitest';
import { faultsOf, soak } from '../../soak/soak.js';

it('is the same on both sides after a minute of flaps and churn, and leaks no timer or handle', async () => {
  const report = await soak({
    minutes: 1,
    peers: 40,
    paths: 200,
    rate: 100,
    seed: 1,
    churn: null,
    progress: () => {},
  });
  expect(report.flaps).toBeGreaterThan(0);
  expect(report.prefixes).toBeGreaterThan(1000);
  expect(faultsOf(report, false)).toEqual([]);
}, 600_000);
