import { expect, it } from 'vitest';
import { KernelThread } from '../../../src/fib/index.js';
import { PrefixTable } from '../../../src/rib/prefix-table.js';

it('tells when it is to begin that the kernel thread ended before', async () => {
  const thread = new KernelThread();
  await thread.abandon();
  const begun = thread.begin({
    prefixes: [new PrefixTable(0).shared(), new PrefixTable(1).shared()],
    settings: {
      install: false,
      table: 254,
      protocol: 84,
      metric: 100,
      source: [null, null],
      nexthopCompat: null,
    },
    log: () => {},
  });
  await expect(begun).rejects.toThrow('the kernel thread ended');
});
