/** Picking rows of a matrix by host-side indices, and its transpose: adding rows into a matrix of zeros. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { withGradient } from './withGradient.js';

/** Row numbers as GatherNd and ScatterNd take them. Both copy whole rows on the wasm backend, where GatherV2 goes element by element. */
function rowIndices(rows: Int32Array): tf.Tensor2D {
  return tf.tensor2d(rows, [rows.length, 1], 'int32');
}

/** Throws a RangeError that names the table, the row and its place in the list. */
export function checkRows(rows: Int32Array, limit: number, what: string): void {
  const bad = rows.findIndex((row) => row < 0 || row >= limit);
  if (bad >= 0) throw new RangeError(`${what} ${rows[bad]} at place ${bad} is outside the table of ${limit} rows`);
}

/** Plain tfjs form of `scatterAddRows`. UnsortedSegmentSum is missing on wasm and takes O(numRows x rows) on the cpu backend. */
export function scatterAddRowsReference(values: tf.Tensor2D, rows: Int32Array, numRows: number): tf.Tensor2D {
  const shape: [number, number] = [numRows, values.shape[1]];
  return rows.length === 0 ? tf.zeros<tf.Rank.R2>(shape) : tf.scatterND<tf.Rank.R2>(rowIndices(rows), values, shape);
}

/** out[numRows, H] with out[rows[i]] += values[i], in order of i. Has no gradient: it is the gradient of other ops. */
export function scatterAddRows(values: tf.Tensor2D, rows: Int32Array, numRows: number): tf.Tensor2D {
  if (!nativeActive()) return tf.tidy(() => scatterAddRowsReference(values, rows, numRows));
  const [count, hidden] = values.shape;
  const out = allocate([numRows, hidden]);
  addon().scatterAddRows(valuesOf(values), rows, out.values, count, hidden, numRows);
  return out.tensor as tf.Tensor2D;
}

/** Plain tfjs form of `gatherRows`. */
export function gatherRowsReference(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  return rows.length === 0 ? tf.zeros<tf.Rank.R2>([0, x.shape[1]]) : (tf.gatherND(x, rowIndices(rows)) as tf.Tensor2D);
}

/**
 * The rows of x in the order of `rows`; a row may occur more than once.
 * @param x [T, H] @param rows [M], each in [0, T), else a RangeError @returns [M, H]
 */
export function gatherRows(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  const [total, hidden] = x.shape;
  checkRows(rows, total, 'gatherRows: row');
  return withGradient<tf.Tensor2D>(
    [x],
    () => {
      if (!nativeActive()) return gatherRowsReference(x, rows);
      const y = allocate([rows.length, hidden]);
      addon().gatherRows(valuesOf(x), rows, y.values, rows.length, hidden);
      return y.tensor as tf.Tensor2D;
    },
    (dy) => [scatterAddRows(dy, rows, total)],
  );
}
