/** A peer's `addPath`: document → Router, and back. */
import { type Family, familyNames } from '../address/index.js';
import type { AddPathSettings, FamilyAddPath } from '../bgp/speaker/settings.js';
import type { AddPathDocument, FamilyAddPathDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import { addPathDefaults } from './schema-peer-add-path.js';
import type { Reader } from './values.js';

/** What the schema can't tell of the `addPath` of a peer or a template. */
export function checkAddPath(document: AddPathDocument, reader: Reader, path: Path): void {
  for (const place of [[], ['ipv4'], ['ipv6']] as ([] | [Family])[]) {
    const [family] = place;
    if ((family === undefined ? document : document[family])?.send !== true) continue;
    const at = [...path, ...place, 'send'];
    reader.error(
      at,
      `\`${formatPath(at)}\` is \`true\`; expected how many paths per prefix to announce, or \`all\``,
    );
  }
}

/**
 * What a template and then the peer itself state, put together; undefined: one path, both ways. A family's own part
 * goes before what is said for all families of the session.
 */
export function readAddPath(
  template: AddPathDocument,
  own: AddPathDocument,
  families: readonly Family[],
  reader: Reader,
  path: Path,
): AddPathSettings | undefined {
  const settings: { [K in Family]?: FamilyAddPath } = {};
  for (const family of familyNames) {
    if (!families.includes(family)) {
      if (own[family] !== undefined) {
        const place = [...path, family];
        reader.warn(place, `\`${formatPath(place)}\` is of no use: the session doesn't carry ${family}`);
      }
      continue;
    }
    const stated: FamilyAddPathDocument = {
      ...common(template),
      ...template[family],
      ...common(own),
      ...own[family],
    };
    const { receive, send, maxReceived } = { ...addPathDefaults, ...stated };
    // Which has been told of where it stands.
    if (send === true) continue;
    if (receive || send !== false) settings[family] = { receive, send, maxReceived };
  }
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function common({ ipv4: _, ipv6: __, ...rest }: AddPathDocument): FamilyAddPathDocument {
  return rest;
}

/** Family by family, as all of it can be said. */
export function renderAddPath(settings: AddPathSettings | undefined) {
  const rendered: { ipv4?: Required<FamilyAddPathDocument>; ipv6?: Required<FamilyAddPathDocument> } = {};
  for (const family of familyNames) {
    const one = settings?.[family];
    if (one) rendered[family] = { receive: one.receive, maxReceived: one.maxReceived, send: one.send };
  }
  return settings === undefined ? {} : { addPath: rendered };
}

/**
 * Whether a change of what `renderAddPath` writes at `key` (`addPath.ipv4.send`) leaves what the OPEN says. How many
 * paths are sent, and how many are taken, is nothing that the peer is told.
 */
export function keepsOpen(
  key: string,
  was: Pick<ReturnType<typeof renderAddPath>, 'addPath'>,
  is: Pick<ReturnType<typeof renderAddPath>, 'addPath'>,
): boolean {
  const [, family, item] = key.split('.') as [string, Family, keyof FamilyAddPathDocument];
  const before = was.addPath?.[family];
  const after = is.addPath?.[family];
  if (before === undefined || after === undefined) return false;
  return item === 'maxReceived' || (item === 'send' && before.send !== false && after.send !== false);
}
