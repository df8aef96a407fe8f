/**
 * Training batches as a pure function of seed and step. Each epoch is one seeded shuffle; a step takes the next rows of it,
 * and only within a step are rows put in order of length, so that its micro-batches are alike (engines without a kernel for packed
 * attention pad there). Batches are packed, so nothing is gained by making whole steps alike in length, which would bias them.
 */
import { Random } from '../src/data/random.js';
import type { BatchSource } from '../src/train/types.js';
import { type EncodedRow, packRows, type RowBatch } from './encodeSplit.js';

export interface TrainingBatchesOptions {
  /** Sequences of one micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of one step. */
  readonly accumulation: number;
  readonly seed: number;
}

/** The order of the rows in an epoch. */
function epochOrder(count: number, seed: number, epoch: number): Int32Array {
  return new Random(seed, 0x5eed, epoch).shuffle(Int32Array.from({ length: count }, (_, i) => i));
}

/** Batches over all rows; the last step of an epoch takes what is left, nothing is dropped or repeated. */
export function trainingBatches(encoded: readonly EncodedRow[], options: TrainingBatchesOptions): BatchSource<RowBatch> {
  const { batchSize, accumulation, seed } = options;
  const perStep = batchSize * accumulation;
  const stepsPerEpoch = Math.ceil(encoded.length / perStep);
  let cached: { epoch: number; order: Int32Array } | undefined;
  return {
    stepsPerEpoch,
    microBatches(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (cached?.epoch !== epoch) cached = { epoch, order: epochOrder(encoded.length, seed, epoch) };
      const start = (step % stepsPerEpoch) * perStep;
      const rows = cached.order.slice(start, start + perStep);
      if (accumulation > 1) rows.sort((a, b) => lengthOf(encoded, a) - lengthOf(encoded, b) || a - b);
      const batches: RowBatch[] = [];
      for (let at = 0; at < rows.length; at += batchSize) batches.push(packRows(encoded, rows.subarray(at, at + batchSize)));
      return batches;
    },
  };
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
