/** Lines over one axis as inline SVG, with round ticks; colours, strokes and fonts are the style sheet's. */
import { escapeHtml } from './escapeHtml.js';

export type Point = readonly [x: number, y: number];

export interface Series {
  readonly name: string;
  /** Number of its colour. */
  readonly color: number;
  readonly points: readonly Point[];
  /** A thin line behind the others. */
  readonly faint?: boolean;
  /** A dot at each point, which tells its values. */
  readonly dots?: boolean;
}

export interface LineChart {
  /** What a listener is told instead of the picture. */
  readonly label: string;
  readonly series: readonly Series[];
  /** Dashed horizontal lines, each with what it is; of those that nearly meet the first is named. */
  readonly levels?: readonly { readonly name: string; readonly value: number }[];
  /** Values that the vertical axis has at least. */
  readonly include?: readonly number[];
  readonly width: number;
  readonly height: number;
  xText(x: number): string;
  yText(y: number): string;
  /** Stands at the end of the horizontal axis. */
  readonly xUnit: string;
}

const margin = { left: 56, right: 14, top: 10, bottom: 40 } as const;
const colors = 6;
const coordinate = (value: number): string => value.toFixed(1);

/** Round numbers (1, 2 or 5 times a power of ten apart) from at most `low` to at least `high`, about `count` of them. */
export function roundTicks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  // A product, since adding up would gather errors; what is left of them goes with the rounding.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A tick's number as short as it can be: 1.5k, 0.0004 as 4e-4. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  if (size !== 0 && size < 1e-2) return value.toExponential().replace('e-', 'e\u2212');
  return String(Number(value.toPrecision(4)));
}

/** The drawing; empty where there are fewer than two points. */
export function lineChart({ label, series, levels = [], include = [], width, height, xText, yText, xUnit }: LineChart): string {
  const points = series.flatMap((one) => one.points);
  if (points.length < 2) return '';
  const ys = [...points.map(([, y]) => y), ...levels.map(({ value }) => value), ...include];
  const yTicks = roundTicks(least(ys), most(ys), Math.max(3, Math.round(height / 60)));
  const end = most(points.map(([x]) => x));
  // The line may end between two ticks: space beyond it would say nothing.
  const xTicks = roundTicks(0, end, Math.max(3, Math.round(width / 120))).filter((tick) => tick <= end * 1.0001);
  const [low = 0, high = 1] = [yTicks[0], yTicks.at(-1)];
  const [right, bottom] = [width - margin.right, height - margin.bottom];
  const x = (value: number): string => coordinate(margin.left + (value / (end || 1)) * (right - margin.left));
  const y = (value: number): string => coordinate(bottom - ((value - low) / (high - low)) * (bottom - margin.top));
  const grid = yTicks.map((tick) => `<line class="grid" x1="${margin.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${margin.left - 8}" y="${Number(y(tick)) + 4}" text-anchor="end">${escapeHtml(yText(tick))}</text>`);
  const feet = xTicks.map((tick) => `<line class="axis" x1="${x(tick)}" x2="${x(tick)}" y1="${bottom}" y2="${bottom + 5}"/><text class="tick" x="${x(tick)}" y="${bottom + 19}" text-anchor="middle">${escapeHtml(xText(tick))}</text>`);
  const unit = `<text class="tick" x="${right}" y="${height - 4}" text-anchor="end">${escapeHtml(xUnit)}</text>`;
  const named = levels.filter(({ value }, i) => !levels.slice(0, i).some((other) => Math.abs(other.value - value) < (high - low) / 15));
  const dashed = [
    ...levels.map(({ value }) => `<line class="level" x1="${margin.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/>`),
    ...named.map(({ name, value }) => `<text class="tick name" x="${right}" y="${coordinate(Number(y(value)) - 6)}" text-anchor="end">${escapeHtml(`${name}: ${yText(value)}`)}</text>`),
  ];
  const drawn = [...series].sort((a, b) => Number(b.faint ?? false) - Number(a.faint ?? false)).map((one) => {
    const classes = `${one.faint === true ? 'faint ' : ''}c${one.color % colors}`;
    const line = `<polyline class="${classes}" points="${one.points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ')}"><title>${escapeHtml(one.name)}</title></polyline>`;
    const dots = one.dots === true ? one.points.map(([px, py]) => `<circle class="point ${classes}" cx="${x(px)}" cy="${y(py)}" r="3.5"><title>${escapeHtml(`${one.name}, ${xText(px)} ${xUnit}: ${yText(py)}`)}</title></circle>`) : [];
    return line + dots.join('');
  });
  const base = `<line class="axis" x1="${margin.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">${grid.join('')}${base}${feet.join('')}${unit}${drawn.join('')}${dashed.join('')}</svg>`;
}

/** Math.min and Math.max take their numbers as arguments, of which there is a limit. */
function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}
