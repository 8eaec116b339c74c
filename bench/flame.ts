/** CPU profiles as flame graphs: SVG, widths are time, a tooltip names function, place and share. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { escapeXml } from './plot.js';

/** A .cpuprofile file, as far as it is used. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly name: string;
  readonly place: string;
  microseconds: number;
  readonly children: Map<string, Frame>;
}

const width = 1200;
const rowHeight = 16;
/** Narrower frames are left out. */
const leastWidth = 0.5;
const idle = new Set(['(idle)', '(program)', '(root)']);

/** The tree of calls without the time in which nothing ran, calls of the same function merged. */
export function callTree(profile: CpuProfile): Frame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = new Map<number, number>();
  profile.samples.forEach((id, i) => void own.set(id, (own.get(id) ?? 0) + profile.timeDeltas[i]));
  const root: Frame = { name: 'all', place: '', microseconds: 0, children: new Map() };
  const walk = (id: number, path: readonly Frame[]): void => {
    const node = nodes.get(id);
    if (!node) return;
    const { functionName, url, lineNumber } = node.callFrame;
    const name = functionName === '' ? '(anonymous)' : functionName;
    let inner = path;
    if (!idle.has(name)) {
      const place = url === '' ? '' : `${basename(url)}:${lineNumber + 1}`;
      const parent = path[path.length - 1];
      const key = `${name} ${place}`;
      let frame = parent.children.get(key);
      if (!frame) {
        frame = { name, place, microseconds: 0, children: new Map() };
        parent.children.set(key, frame);
      }
      inner = [...path, frame];
      for (const each of inner) each.microseconds += own.get(id) ?? 0;
    }
    for (const child of node.children ?? []) walk(child, inner);
  };
  if (profile.nodes.length > 0) walk(profile.nodes[0].id, [root]);
  return root;
}

export function flameGraph(title: string, profile: CpuProfile): string {
  const root = callTree(profile);
  const boxes: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, level: number, left: number): void => {
    const size = root.microseconds === 0 ? 0 : (frame.microseconds / root.microseconds) * width;
    if (size < leastWidth) return;
    depth = Math.max(depth, level);
    const share = ((100 * frame.microseconds) / root.microseconds).toFixed(1);
    const hue = 10 + ((frame.name.length * 37 + frame.name.charCodeAt(0) * 7) % 40);
    const text = size > 30 ? escapeXml(frame.name.slice(0, Math.floor(size / 6.5))) : '';
    boxes.push(
      `<g><title>${escapeXml(`${frame.name} ${frame.place}: ${share} %, ${(frame.microseconds / 1000).toFixed(1)} ms`)}</title>` +
        `<rect x="${left.toFixed(1)}" y="${24 + level * rowHeight}" width="${size.toFixed(1)}" height="${rowHeight - 1}" fill="hsl(${hue} 80% 65%)"/>` +
        `<text x="${(left + 2).toFixed(1)}" y="${24 + level * rowHeight + 11}">${text}</text></g>`,
    );
    let at = left;
    for (const child of [...frame.children.values()].sort((x, y) => y.microseconds - x.microseconds)) {
      draw(child, level + 1, at);
      at += (child.microseconds / root.microseconds) * width;
    }
  };
  draw(root, 0, 0);
  const height = 24 + (depth + 1) * rowHeight + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="4" y="16">${escapeXml(`${title}: ${(root.microseconds / 1e6).toFixed(2)} s of CPU`)}</text>`,
    ...boxes,
    '</svg>\n',
  ].join('\n');
}

/** Draws each .cpuprofile of a folder beside it; returns the paths of the graphs. */
export function drawProfiles(folder: string, title: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => {
      const graph = join(folder, name.replace(/\.cpuprofile$/, '.svg'));
      const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile;
      writeFileSync(graph, flameGraph(title, profile));
      return graph;
    });
}
