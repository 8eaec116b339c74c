/** Line plots with logarithmic axes, as SVG. */

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const width = 640;
const height = 400;
const margin = { left: 70, right: 110, top: 40, bottom: 50 };

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The powers of ten from at most the least to at least the largest of some values, and between them 2 and 5. */
function axis(values: readonly number[]): { low: number; high: number; ticks: number[] } {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks: number[] = [];
  for (let power = low; power <= high; power++) {
    for (const step of high - low <= 3 && power < high ? [1, 2, 5] : [1]) ticks.push(step * 10 ** power);
  }
  return { low, high, ticks };
}

function tickText(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(1)));
}

export function svgPlot(plot: Plot): string {
  const all = plot.series.flatMap((s) => s.points);
  const horizontal = axis(all.map(([x]) => x));
  const vertical = axis(all.map(([, y]) => y));
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const place = (
    value: number,
    { low, high }: { low: number; high: number },
    from: number,
    to: number,
  ): number => Math.round((from + ((Math.log10(value) - low) / (high - low)) * (to - from)) * 10) / 10;
  const px = (x: number): number => place(x, horizontal, margin.left, right);
  const py = (y: number): number => place(y, vertical, bottom, margin.top);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<title>${escapeXml(plot.title)}</title>`,
    `<text x="${margin.left}" y="22" font-size="14">${escapeXml(plot.title)}</text>`,
    `<text x="${(margin.left + right) / 2}" y="${height - 12}" text-anchor="middle">${escapeXml(plot.x)}</text>`,
    `<text transform="translate(16 ${(margin.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeXml(plot.y)}</text>`,
  ];
  for (const x of horizontal.ticks) {
    lines.push(
      `<path d="M${px(x)} ${margin.top}V${bottom}" stroke="#ddd"/>`,
      `<text x="${px(x)}" y="${bottom + 16}" text-anchor="middle">${tickText(x)}</text>`,
    );
  }
  for (const y of vertical.ticks) {
    lines.push(
      `<path d="M${margin.left} ${py(y)}H${right}" stroke="#ddd"/>`,
      `<text x="${margin.left - 6}" y="${py(y) + 4}" text-anchor="end">${tickText(y)}</text>`,
    );
  }
  for (const { name, colour, points } of plot.series) {
    if (points.length === 0) continue;
    const path = points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ');
    const [lastX, lastY] = points[points.length - 1];
    lines.push(
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...points.map(([x, y]) => `<circle cx="${px(x)}" cy="${py(y)}" r="3" fill="${colour}"/>`),
      `<text x="${px(lastX) + 8}" y="${py(lastY) + 4}" fill="${colour}">${escapeXml(name)}</text>`,
    );
  }
  return `${lines.join('\n')}\n</svg>\n`;
}
