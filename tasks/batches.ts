/**
 * Batches of encoded rows: for training in the order of the epochs, for evaluation in order of length. In training rows are put in order of
 * length only within a step, so that its micro-batches are alike (engines without a kernel for packed attention pad there). Batches are
 * packed, so nothing is gained by making whole steps alike in length, which would bias them.
 */
import type { BatchSource } from '../src/train/types.js';
import { type EncodedRow, packRows, type RowBatch } from './encodeSplit.js';
import type { Epochs } from './epochs.js';

/** The batches of `epochs` over all rows, a pure function of the step. */
export function trainingBatches(encoded: readonly EncodedRow[], epochs: Epochs): BatchSource<RowBatch> {
  return {
    epochsAfter: (steps) => epochs.epochsAfter(steps),
    microBatches(step) {
      const micro = epochs.microBatches(step);
      return (epochs.exchangeable ? inOrderOfLength(encoded, micro) : micro).map((rows) => packRows(encoded, rows));
    },
  };
}

/** The same rows in as many each, from the shortest to the longest. */
function inOrderOfLength(encoded: readonly EncodedRow[], micro: readonly Int32Array[]): Int32Array[] {
  const rows = Int32Array.from(micro.flatMap((part) => [...part])).sort((a, b) => lengthOf(encoded, a) - lengthOf(encoded, b) || a - b);
  let at = 0;
  return micro.map(({ length }) => {
    at += length;
    return rows.subarray(at - length, at);
  });
}

/** Batches of all rows in order of length, each row once: for evaluation, where the order does not matter. */
export function evaluationBatches(encoded: readonly EncodedRow[], batchSize: number): Int32Array[] {
  const order = Int32Array.from({ length: encoded.length }, (_, i) => i).sort((a, b) => lengthOf(encoded, a) - lengthOf(encoded, b) || a - b);
  const batches: Int32Array[] = [];
  for (let at = 0; at < order.length; at += batchSize) batches.push(order.subarray(at, at + batchSize));
  return batches;
}

function lengthOf(encoded: readonly EncodedRow[], position: number): number {
  return encoded[position]?.inputIds.length ?? 0;
}
