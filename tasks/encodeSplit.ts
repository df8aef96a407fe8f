/** Tokenizes the rows of a split once, before training or evaluation. */
import { InterruptedError, UsageError } from '../src/data/errors.js';
import type { PackedBatch } from '../src/data/packedBatch.js';
import { packSequences } from '../src/data/packedBatch.js';
import type { TaskSplit, TextPair } from './taskSpec.js';

/** What is needed of a tokenizer; special tokens are added and the longer of a pair is cut first. */
export interface TextEncoder {
  encode(text: string, pair?: string, options?: { maxLength?: number; truncation?: boolean }): { readonly inputIds: ArrayLike<number>; readonly tokenTypeIds: ArrayLike<number> };
}

/** One tokenized row. */
export interface EncodedRow {
  readonly index: number;
  readonly inputIds: Int32Array;
  readonly tokenTypeIds: Int32Array;
  /** Class or score; NaN where there is none. */
  readonly label: number;
}

/** Some rows as a model takes them. */
export interface RowBatch extends PackedBatch {
  /** Positions of the rows in their split, [B]. */
  readonly rows: Int32Array;
  /** Classes (as the model counts them) or scores, [B]; NaN where a row has none. */
  readonly labels: Float32Array;
}

/** Lets signals through in a long synchronous stretch, and ends it where the run was stopped. */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  if (signal?.aborted === true) throw InterruptedError.from(signal, 'stopped');
}

/**
 * Encodes all rows, each cut to `maxLength` tokens, specials included.
 * @param labelMap the model's class of each class of the split; absent for regression
 */
export async function encodeRows(rows: readonly TextPair[], encoder: TextEncoder, maxLength: number, labelMap: readonly number[] | undefined, signal?: AbortSignal): Promise<EncodedRow[]> {
  const encoded: EncodedRow[] = [];
  for (const [position, row] of rows.entries()) {
    if (position % 512 === 0) await breathe(signal);
    const { inputIds, tokenTypeIds } = encoder.encode(row.textA, row.textB, { maxLength, truncation: true });
    encoded.push({ index: row.index ?? position, inputIds: Int32Array.from(inputIds), tokenTypeIds: Int32Array.from(tokenTypeIds), label: mapped(row.label ?? Number.NaN, labelMap) });
  }
  return encoded;
}

function mapped(label: number, labelMap: readonly number[] | undefined): number {
  return labelMap === undefined ? label : (labelMap[label] ?? Number.NaN);
}

/** Rows that were encoded without a map of labels, as if they had been with it. */
export function withLabelMap(rows: readonly EncodedRow[], labelMap: readonly number[] | undefined): EncodedRow[] {
  return rows.map((row) => ({ ...row, label: mapped(row.label, labelMap) }));
}

/** A split encoded, see `encodeRows`. */
export function encodeSplit(split: TaskSplit, encoder: TextEncoder, maxLength: number, labelMap: readonly number[] | undefined, signal?: AbortSignal): Promise<EncodedRow[]> {
  return encodeRows(split.examples, encoder, maxLength, labelMap, signal);
}

/** Packs the rows at the given positions of `encoded`. */
export function packRows(encoded: readonly EncodedRow[], positions: ArrayLike<number>): RowBatch {
  const rows = Int32Array.from(positions);
  const chosen = Array.from(rows, (position) => {
    const row = encoded[position];
    if (row === undefined) throw new RangeError(`packRows: row ${position} of ${encoded.length}`);
    return row;
  });
  return { ...packSequences(chosen), rows, labels: Float32Array.from(chosen, (row) => row.label) };
}

/** The largest length a row may have: as asked for, but at most what the model has positions for. */
export function checkedMaxLength(wanted: number, maxPositionEmbeddings: number): number {
  if (!Number.isInteger(wanted) || wanted < 3) throw new UsageError(`--max-seq-length is ${wanted}, expected a whole number of at least 3`);
  return Math.min(wanted, maxPositionEmbeddings);
}
