/** Picking rows of a matrix by host-side indices, and its transpose: adding rows into a matrix of zeros. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { withGradient } from './withGradient.js';

/**
 * out[numRows, H] with out[rows[i]] += values[i], in order of i. On engines other than native the sum runs on the host:
 * wasm has no scatter and the plain one is O(numRows x rows).
 */
export function scatterAddRows(values: tf.Tensor2D, rows: Int32Array, numRows: number): tf.Tensor2D {
  const [count, hidden] = values.shape;
  if (nativeActive()) {
    const out = allocate([numRows, hidden]);
    addon().scatterAddRows(valuesOf(values), rows, out.values, count, hidden, numRows);
    return out.tensor as tf.Tensor2D;
  }
  const source = values.dataSync() as Float32Array;
  const sums = new Float32Array(numRows * hidden);
  for (let i = 0; i < count; i++) {
    const target = (rows[i] as number) * hidden;
    for (let j = 0; j < hidden; j++) sums[target + j] = (sums[target + j] as number) + (source[i * hidden + j] as number);
  }
  return tf.tensor2d(sums, [numRows, hidden]);
}

/** Plain tfjs form of `gatherRows`, without its gradient. */
export function gatherRowsReference(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  return tf.gather(x, tf.tensor1d(rows, 'int32')) as tf.Tensor2D;
}

/**
 * The rows of x in the order of `rows`; a row may occur more than once.
 * @param x [T, H] @param rows [M], each in [0, T) @returns [M, H]
 */
export function gatherRows(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  const [total, hidden] = x.shape;
  return withGradient(
    [x],
    () => {
      if (!nativeActive()) return tf.tidy(() => gatherRowsReference(x, rows));
      const y = allocate([rows.length, hidden]);
      addon().gatherRows(valuesOf(x), rows, y.values, rows.length, hidden);
      return y.tensor;
    },
    (dy) => [scatterAddRows(dy as tf.Tensor2D, rows, total)],
  ) as tf.Tensor2D;
}
