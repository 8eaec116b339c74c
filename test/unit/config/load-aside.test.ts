import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigLoader, loadRouter } from '../../../src/config/index.js';
import { document, folder, minimal } from './documents.js';

/** A document that is large enough for a thread of its own. */
const large = (more = '') =>
  document(
    [
      minimal,
      'filters:',
      '  transit:',
      '    - match: {asPath: {regex: "^65001 .* 65002$"}, communities: {any: ["65001:1", "65001:*"]}}',
      '      set: {localPref: 200}',
      '      action: accept',
      'peers:',
      ...Array.from(
        { length: 200 },
        (_, i) => `  - {name: peer${i}, address: 192.0.2.${i + 2}, asn: ${64512 + i}, import: transit}`,
      ),
      more,
    ].join('\n'),
  );

describe('loading aside', () => {
  it('gives the same Router, of a large document and of a small one', async () => {
    for (const text of [large(), document(minimal)]) {
      const path = folder({ 'a.yaml': text });
      const loaded = await new ConfigLoader([path]).load();
      expect(loaded.router).not.toBeNull();
      expect(loaded).toStrictEqual(loadRouter([path]));
    }
  });

  it('places the mistakes of a large document', async () => {
    const path = folder({ 'a.yaml': large('static: [{prefix: 10.0.0.0/8, vai: 192.0.2.1}]') });
    const loaded = await new ConfigLoader([path]).load();
    expect(loaded.errors.length).toBeGreaterThan(0);
    expect(loaded).toStrictEqual(loadRouter([path]));
  });

  it('leaves the thread time for other things meanwhile', async () => {
    const path = folder({ 'a.yaml': large() });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await new ConfigLoader([path]).load();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('tells of what is not there', async () => {
    const loaded = await new ConfigLoader([join(folder({}), 'nothing.yaml')]).load();
    expect(loaded.errors[0].message).toContain('no such file');
  });
});
