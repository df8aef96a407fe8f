/** The matrix products of one instruction set and precision as tables. */
import { tableLines } from '../cli/table.js';
import { type GemmResult, type GemmSummary, type ProductKind, productKinds, summarySets } from './gemmSpeed.js';

interface MeasuredProducts {
  readonly isa: string;
  readonly precision: 'highest' | 'bf16';
  readonly peakGflops: number;
  readonly results: readonly GemmResult[];
  readonly summary: readonly GemmSummary[];
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.01 ? 2 : 0)}%`;

/** GFLOPS and share of the peak of each kind of product, as two cells each. */
function cellsOf(results: readonly GemmResult[]): string[] {
  return productKinds.flatMap((kind) => {
    const found = results.find((result) => result.kind === kind);
    return found === undefined ? ['', ''] : [found.gflops.toFixed(found.gflops < 10 ? 2 : 0), percent(found.shareOfPeak)];
  });
}

function inThrees(results: readonly GemmResult[]): GemmResult[][] {
  return Array.from({ length: Math.ceil(results.length / productKinds.length) }, (_, i) => results.slice(i * productKinds.length, (i + 1) * productKinds.length));
}

/** Shapes, means and worst shares as lines, a blank one first. */
export function gemmLines({ isa, precision, peakGflops, results, summary }: MeasuredProducts): string[] {
  const kindHead = productKinds.flatMap((kind) => [`${kind} GFLOPS`, 'share']);
  const layers = inThrees(results.filter(({ set }) => set === 'layers'));
  const small = inThrees(results.filter(({ set }) => set === 'small'));
  const summaryRow = (set: GemmSummary['set'], kind: ProductKind): string[] => {
    const found = summary.find((entry) => entry.set === set && entry.kind === kind);
    return [set, kind, percent(found?.geometricMean ?? 0), percent(found?.worst ?? 0), found?.worstShape ?? ''];
  };
  return [
    '',
    `${isa}, ${precision === 'bf16' ? 'operands in bfloat16' : 'float32'}: peak ${peakGflops.toFixed(0)} GFLOPS (registers only)`,
    ...tableLines(['model', 'layer', 'in to out', ...kindHead], layers.map((three) => {
      // NT's shape is tokens x outputs x inputs.
      const { modelConfig = '', layer = '', n = 0, k = 0 } = three.find(({ kind }) => kind === 'NT') ?? {};
      return [modelConfig, layer, `${k} to ${n}`, ...cellsOf(three)];
    })),
    '',
    ...tableLines(['m', 'n', 'k', ...kindHead], small.map((three) => {
      const [{ m, n, k } = { m: 0, n: 0, k: 0 }] = three;
      return [String(m), String(n), String(k), ...cellsOf(three)];
    })),
    '',
    ...tableLines(['shapes', 'kind', 'geometric mean', 'worst', 'at m x n x k'], summarySets.flatMap((set) => productKinds.map((kind) => summaryRow(set, kind)))),
  ];
}
