/** A peer's `maxPrefixes`: document → Router, and back. */
import { type Family, familyNames } from '../address/index.js';
import type { PrefixLimit, PrefixLimits } from '../bgp/speaker/settings.js';
import type { MaxPrefixesDocument, PrefixLimitDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import { limitDefaults } from './schema-peer-limits.js';
import type { Reader } from './values.js';

/**
 * What a template and then the peer itself state, put together. A family's own part goes before what is said for all
 * families of the session.
 */
export function readMaxPrefixes(
  template: MaxPrefixesDocument,
  own: MaxPrefixesDocument,
  families: readonly Family[],
  reader: Reader,
  path: Path,
): PrefixLimits {
  const limits: { [K in Family]?: PrefixLimit } = {};
  for (const family of familyNames) {
    const stated: PrefixLimitDocument = {
      ...(families.includes(family) ? common(template) : {}),
      ...template[family],
      ...(families.includes(family) ? common(own) : {}),
      ...own[family],
    };
    const { received, sent } = stated;
    if (received === undefined && sent === undefined) {
      if (Object.keys(own[family] ?? {}).length > 0 || (family === families[0] && says(own))) {
        reader.warn(
          path,
          `\`${formatPath(path)}\` limits nothing; expected \`received\`, \`sent\` or both beside what it says`,
        );
      }
      continue;
    }
    limits[family] = {
      ...(received === undefined ? {} : { received }),
      ...(sent === undefined ? {} : { sent }),
      warnAtPercent: stated.warnAt ?? limitDefaults.warnAt,
      action: stated.action ?? limitDefaults.action,
      restartAfterSeconds: stated.restartAfter ?? limitDefaults.restartAfter,
    };
  }
  return limits;
}

function common({ ipv4: _, ipv6: __, ...rest }: MaxPrefixesDocument): PrefixLimitDocument {
  return rest;
}

/** Whether it says anything, and no family of it has a limit. */
function says(document: MaxPrefixesDocument): boolean {
  const { ipv4, ipv6, ...rest } = document;
  return (
    Object.keys(rest).length > 0 &&
    [ipv4, ipv6].every((one) => one?.received === undefined && one?.sent === undefined)
  );
}

/** Family by family, as all of it can be said. */
export function renderMaxPrefixes(limits: PrefixLimits) {
  const one = (limit: PrefixLimit | undefined) =>
    limit && {
      ...(limit.received === undefined ? {} : { received: limit.received }),
      ...(limit.sent === undefined ? {} : { sent: limit.sent }),
      warnAt: limit.warnAtPercent,
      action: limit.action,
      restartAfter: limit.restartAfterSeconds,
    };
  const ipv4 = one(limits.ipv4);
  const ipv6 = one(limits.ipv6);
  return { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) };
}
