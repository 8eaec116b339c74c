import { describe, expect, it } from 'vitest';
import { diffRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal } from './documents.js';

const withMrt = (text: string) => document(`${minimal}\nmrt: {${text}}`);

describe('recordings in a document', () => {
  it('take their intervals from the defaults', () => {
    const { mrt } = load(withMrt('table: {path: /r/rib.mrt}, updates: {path: "/r/u.%Y%m%d.%H%M"}'));
    expect(mrt).toEqual({
      table: { path: '/r/rib.mrt', everySeconds: 7200 },
      updates: { path: '/r/u.%Y%m%d.%H%M', rotateSeconds: 900 },
    });
  });

  it.each([
    [
      'table: {path: rib.mrt}',
      '7:23: `spec.mrt.table.path` is rib.mrt, a relative path; expected one that begins with `/`',
    ],
    ['table: {path: /r/}', '7:23: `spec.mrt.table.path` is /r/, a folder; expected a file in it'],
    [
      'table: {path: /r/%B}',
      '7:23: `spec.mrt.table.path` is /r/%B, where %B is no field; expected one of %Y, %m, %d, %H, %M, %S, %s, %%',
    ],
    [
      'table: {every: 60}',
      '7:9: `spec.mrt.table.path` is missing; expected an absolute path such as `/var/lib/tartan/rib.%Y%m%d.%H%M.mrt`',
    ],
    [
      'updates: {path: /r/u.%Y%m%d.%H, rotate: 900}',
      '7:25: `spec.mrt.updates.path` is /r/u.%Y%m%d.%H, which is the same file every 900 seconds; expected fields of the time that tell them apart, such as `%Y%m%d.%H%M`',
    ],
    [
      'table: {path: /r/%s}, updates: {path: /r/%s}',
      '7:47: `spec.mrt.updates.path` is that of `spec.mrt.table` too; expected another',
    ],
  ])('%s is refused', (text, error) => {
    expect(errorsOf(withMrt(text))).toEqual([error]);
  });

  it('change while the daemon runs, and nothing else with them', () => {
    const before = load(document(minimal));
    const after = load(withMrt('table: {path: /r/rib.mrt, every: 60}'));
    expect(diffRouter(before, after)).toEqual({
      peers: { added: [], removed: [], changed: [] },
      ranges: new Map(),
      listen: false,
      kernel: false,
      policies: null,
      overlay: false,
      restart: [],
      lines: ['mrt.table.path: unset → /r/rib.mrt', 'mrt.table.every: unset → 60'],
    });
  });
});
