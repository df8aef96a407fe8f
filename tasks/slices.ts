/** Where a model does well and where not: its metrics on parts of the rows, by length, gold label, word overlap and negation. */
import { UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { type ClassifierOutput, score } from './classify.js';
import type { EncodedRow } from './encodeSplit.js';
import type { TaskExample, TaskSpec } from './taskSpec.js';

/** What rows can be divided by. */
export const sliceKinds = ['length', 'label', 'overlap', 'negation'] as const;
export type SliceKind = (typeof sliceKinds)[number];

/** One part of the rows. */
export interface Slice {
  readonly kind: SliceKind;
  /** `17 to 32 tokens`, a label, `0.25 to 0.5`, `with negation`. */
  readonly name: string;
  readonly rows: number;
  /** The task's metrics, 0..1, and the loss. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Those that are undefined on these rows and stand as 0. */
  readonly undefinedMetrics: readonly string[];
}

/** Throws a UsageError with the near match for a kind that there is not. */
export function checkedSliceKinds(names: readonly string[]): readonly SliceKind[] {
  return names.map((name) => {
    const kind = sliceKinds.find((candidate) => candidate === name);
    if (kind === undefined) throw new UsageError(`--slices: unknown kind "${name}".${didYouMean(name, sliceKinds)}`, { hint: `kinds: ${sliceKinds.join(', ')}` });
    return kind;
  });
}

/** Words of a text in lower case; a contracted "not" is a word of its own, in the spellings of the corpora (isn't, is n't). */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().replaceAll('’', "'").replaceAll(/n't\b/g, ' not').match(/[\p{L}\p{N}]+/gu) ?? [];
}

const negations = new Set(['not', 'no', 'never', 'none', 'nobody', 'nothing', 'nowhere', 'neither', 'nor', 'cannot', 'without', 'hardly', 'scarcely', 'barely']);

/** Share of the distinct words of both texts that stand in both (Jaccard), 0..1; 1 for two texts without words. */
export function wordOverlap(a: string, b: string): number {
  const [first, second] = [new Set(wordsOf(a)), new Set(wordsOf(b))];
  const both = [...first].filter((word) => second.has(word)).length;
  const all = first.size + second.size - both;
  return all === 0 ? 1 : both / all;
}

/** The name of the slice that a row lies in, and its place among those of its kind; undefined where the kind says nothing of the row. */
type Cut = (example: TaskExample, row: EncodedRow) => { readonly name: string; readonly order: number } | undefined;

const lengthSteps = [16, 32, 64, 128, 256];
const quarters = ['0 to 0.25', '0.25 to 0.5', '0.5 to 0.75', '0.75 to 1'];

const cuts: Readonly<Record<SliceKind, (spec: TaskSpec) => Cut>> = {
  length: () => (_, { inputIds: { length } }) => {
    const order = lengthSteps.findIndex((step) => length <= step);
    const [below, upTo] = [order < 0 ? lengthSteps.at(-1) : order === 0 ? 0 : lengthSteps[order - 1], lengthSteps[order]];
    return { name: upTo === undefined ? `over ${below} tokens` : `${(below ?? 0) + 1} to ${upTo} tokens`, order: order < 0 ? lengthSteps.length : order };
  },
  label: ({ kind, labels }) => ({ label }) => {
    if (label === undefined) return undefined;
    if (kind === 'classification') return { name: labels[label] ?? String(label), order: label };
    const order = Math.max(0, Math.floor(label >= 5 ? 4 : label));
    return { name: `${order} to ${order + 1}`, order };
  },
  overlap: () => ({ textA, textB }) => {
    if (textB === undefined) return undefined;
    const order = Math.min(3, Math.floor(4 * wordOverlap(textA, textB)));
    return { name: quarters[order] as string, order };
  },
  negation: () => ({ textA, textB }) => {
    const negated = [...wordsOf(textA), ...wordsOf(textB ?? '')].some((word) => negations.has(word));
    return { name: negated ? 'with negation' : 'without negation', order: negated ? 0 : 1 };
  },
};

/** The slices of each kind asked for, those without rows left out; the rows of all lists stand in one order. */
export function slicesOf(kinds: readonly SliceKind[], spec: TaskSpec, examples: readonly TaskExample[], encoded: readonly EncodedRow[], output: ClassifierOutput, labelMap: readonly number[] | undefined): Slice[] {
  return kinds.flatMap((kind) => {
    const cut = cuts[kind](spec);
    const parts = new Map<string, { readonly order: number; readonly positions: number[] }>();
    for (const [position, example] of examples.entries()) {
      const place = cut(example, encoded[position] as EncodedRow);
      if (place === undefined) continue;
      const part = parts.get(place.name) ?? { order: place.order, positions: [] };
      part.positions.push(position);
      parts.set(place.name, part);
    }
    return [...parts]
      .sort(([, a], [, b]) => a.order - b.order)
      .map(([name, { positions }]) => {
        const { loss, metrics, undefinedMetrics } = score(spec, rowsOf(output, positions), positions.map((position) => encoded[position] as EncodedRow), labelMap);
        return { kind, name, rows: positions.length, metrics: { loss, ...metrics }, undefinedMetrics };
      });
  });
}

function rowsOf({ logits, numLabels }: ClassifierOutput, positions: readonly number[]): ClassifierOutput {
  const chosen = new Float32Array(positions.length * numLabels);
  for (const [i, position] of positions.entries()) chosen.set(logits.subarray(position * numLabels, (position + 1) * numLabels), i * numLabels);
  return { logits: chosen, numLabels };
}
