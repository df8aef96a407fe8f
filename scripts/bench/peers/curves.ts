/** Two loss curves over the same steps: how far apart they lie, and a drawing of both. */

/** What a step of either side reports. */
export interface StepValues {
  readonly loss: number;
  readonly mlm_loss: number;
  readonly nsp_loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
}

export interface Difference {
  /** The largest of all steps, and its step, from 1. */
  readonly largest: number;
  readonly step: number;
  readonly mean: number;
  /** Of the two means over the last tenth of the steps. */
  readonly atEnd: number;
}

/** How far `a` and `b` lie apart in one of their values; throws where they have not the same steps or a value is no number. */
export function differenceOf(a: readonly StepValues[], b: readonly StepValues[], value: keyof StepValues): Difference {
  if (a.length !== b.length || a.length === 0) throw new Error(`curves of ${a.length} and ${b.length} steps; expected the same number`);
  const apart = a.map((own, i) => Math.abs(own[value] - (b[i]?.[value] ?? Number.NaN)));
  const bad = apart.findIndex((distance) => !Number.isFinite(distance));
  if (bad >= 0) throw new Error(`step ${bad + 1}: ${value} is ${a[bad]?.[value]} and ${b[bad]?.[value]}; expected two numbers`);
  const largest = apart.reduce((most, distance) => Math.max(most, distance), 0);
  const tail = -Math.max(1, Math.round(a.length / 10));
  const mean = (values: readonly number[]): number => values.reduce((sum, own) => sum + own, 0) / values.length;
  const endOf = (curve: readonly StepValues[]): number => mean(curve.slice(tail).map((own) => own[value]));
  return { largest, step: apart.indexOf(largest) + 1, mean: mean(apart), atEnd: Math.abs(endOf(a) - endOf(b)) };
}

export interface Curve {
  readonly label: string;
  readonly color: string;
  readonly width: number;
  /** An SVG stroke-dasharray, none for a solid line. */
  readonly dash?: string;
  /** A value for each step, from step 1 on. */
  readonly values: readonly number[];
}

interface Panel {
  readonly top: number;
  readonly height: number;
  readonly title: string;
  /** 'log': by powers of ten; values of 0 are not drawn. */
  readonly scale: 'linear' | 'log';
  readonly curves: readonly Curve[];
}

const width = 880;
const [left, right] = [76, 16];

/** Two panels over the same steps, as an SVG of its own: the losses above, the differences below on a logarithmic scale. */
export function curvesSvg(title: string, losses: readonly Curve[], differences: readonly Curve[]): string {
  const panels: readonly Panel[] = [
    { top: 52, height: 300, title: 'loss', scale: 'linear', curves: losses },
    { top: 404, height: 170, title: 'difference of the losses, absolute', scale: 'log', curves: differences },
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="620" viewBox="0 0 ${width} 620" font-family="sans-serif" font-size="12" fill="#222">`,
    `<rect width="${width}" height="620" fill="#fff"/>`,
    `<text x="${left}" y="22" font-size="15">${escaped(title)}</text>`,
    ...panels.flatMap(panelLines),
    `<text x="${(left + width - right) / 2}" y="612" text-anchor="middle">step</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function panelLines({ top, height, title, scale, curves }: Panel): string[] {
  const steps = Math.max(2, ...curves.map(({ values }) => values.length));
  const scaled = (value: number): number => (scale === 'log' ? Math.log10(value) : value);
  const drawn = (value: number): boolean => Number.isFinite(scaled(value));
  const all = curves.flatMap(({ values }) => values.filter(drawn).map(scaled));
  const ends = all.length === 0 ? [0] : all;
  const [low, high] = [Math.floor(Math.min(...ends)), Math.max(Math.floor(Math.min(...ends)) + 1, Math.ceil(Math.max(...ends)))];
  const x = (step: number): string => (left + ((step - 1) / (steps - 1)) * (width - left - right)).toFixed(1);
  const y = (value: number): string => (top + height * (1 - (value - low) / (high - low))).toFixed(1);
  const rows = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const columns = Array.from({ length: 6 }, (_, i) => 1 + Math.round(((steps - 1) * i) / 5));
  return [
    ...rows.map((value) => `<path d="M${left} ${y(value)}H${width - right}" stroke="#ddd"/><text x="${left - 6}" y="${Number(y(value)) + 4}" text-anchor="end">${scale === 'log' ? `1e${value}` : value}</text>`),
    ...columns.map((step) => `<text x="${x(step)}" y="${top + height + 16}" text-anchor="middle">${step}</text>`),
    `<text x="${left}" y="${top - 8}">${escaped(title)}</text>`,
    ...curves.flatMap(({ label, color, width: stroke, dash, values }, i) => {
      const line = `fill="none" stroke="${color}" stroke-width="${stroke}"${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}`;
      const points = values.flatMap((value, step) => (drawn(value) ? [`${x(step + 1)},${y(scaled(value))}`] : []));
      const legend = width - right - 250;
      return [
        `<polyline ${line} points="${points.join(' ')}"/>`,
        `<path d="M${legend} ${top + 14 + 18 * i}h28" ${line}/><text x="${legend + 36}" y="${top + 18 + 18 * i}">${escaped(label)}</text>`,
      ];
    }),
  ];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
