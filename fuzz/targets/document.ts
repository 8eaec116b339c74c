import { deepStrictEqual, ok } from 'node:assert';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout } from '../../interop/images.js';
import { checkRouters } from '../../src/config/index.js';
import { formatRouter } from '../../src/config/render.js';
import { type Target, withoutNumbers } from '../target.js';

const conf = `${checkout}/conf/`;
let folder: string | null = null;

function file(name: string): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'tartan-fuzz-'));
    folder = made;
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return join(folder, name);
}

export const document: Target = {
  name: 'document',
  promise:
    'a configuration of any text: a Router, or errors each with its place; a Router survives being written',
  seeds: () =>
    readdirSync(conf)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(conf + name)),
  run(input) {
    const path = file('document.yaml');
    writeFileSync(path, input);
    const { routers, errors, warnings } = checkRouters([path]);
    for (const { file: where, line, column, message } of [...errors, ...warnings]) {
      ok(where === path && line >= 1 && column >= 1, `${where}:${line}:${column}: ${message}`);
      ok(message.length > 0);
    }
    ok(routers.length > 0 || errors.length > 0, 'neither a Router nor an error');
    if (errors.length === 0) {
      const written = file('written.yaml');
      for (const router of routers) {
        writeFileSync(written, formatRouter(router, 'yaml'));
        const again = checkRouters([written]);
        deepStrictEqual(again.errors, []);
        deepStrictEqual(again.routers, [router]);
      }
    }
    return [...errors, ...warnings].map(({ message }) => withoutNumbers(message).replace(/`[^`]*`/g, '`'));
  },
};
