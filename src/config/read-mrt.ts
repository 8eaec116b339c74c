/** `mrt` of a document → what is recorded. */
import { fileNameFields, formatFileName, unknownField } from '../bgp/mrt/index.js';
import type { SpecDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import type { MrtConfig } from './router.js';
import { defaults } from './schema.js';
import type { Reader } from './values.js';

export function readMrt(spec: SpecDocument, reader: Reader): MrtConfig {
  const at = ['spec', 'mrt'];
  const { table, updates } = spec.mrt ?? {};
  const every = table?.every ?? defaults.mrt.every;
  const rotate = updates?.rotate ?? defaults.mrt.rotate;
  const tablePath = readPath(table?.path, [...at, 'table', 'path'], reader);
  const updatesPath = readPath(updates?.path, [...at, 'updates', 'path'], reader);
  if (updatesPath !== undefined && !tellsApart(updatesPath, rotate)) {
    reader.error(
      [...at, 'updates', 'path'],
      `\`spec.mrt.updates.path\` is ${updatesPath}, which is the same file every ${rotate} seconds; expected fields of the time that tell them apart, such as \`%Y%m%d.%H%M\``,
    );
  }
  if (updatesPath !== undefined && updatesPath === tablePath) {
    reader.error(
      [...at, 'updates', 'path'],
      '`spec.mrt.updates.path` is that of `spec.mrt.table` too; expected another',
    );
  }
  return {
    table: tablePath === undefined ? null : { path: tablePath, everySeconds: every },
    updates: updatesPath === undefined ? null : { path: updatesPath, rotateSeconds: rotate },
  };
}

function readPath(path: string | undefined, at: Path, reader: Reader): string | undefined {
  if (path === undefined) return undefined;
  const fault = (what: string) => {
    reader.error(at, `\`${formatPath(at)}\` is ${path}, ${what}`);
    return undefined;
  };
  if (!path.startsWith('/')) return fault('a relative path; expected one that begins with `/`');
  if (path.endsWith('/')) return fault('a folder; expected a file in it');
  const field = unknownField(path);
  if (field !== null)
    return fault(`where ${field} is no field; expected one of ${fileNameFields.join(', ')}`);
  return path;
}

/** Whether each span's name differs from the next one's, as far as a few spans show it. */
function tellsApart(path: string, seconds: number): boolean {
  for (let span = 0; span < 48; span++) {
    if (formatFileName(path, span * seconds) === formatFileName(path, (span + 1) * seconds)) return false;
  }
  return true;
}
