/** Query, key and value projections side by side: one packed [tokens, 3 x hidden] tensor from three weights that stay apart. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { linearGradients, linearReference } from './linear.js';
import { withGradient } from './withGradient.js';

type Weights = readonly [queryWeight: tf.Tensor2D, queryBias: tf.Tensor1D, keyWeight: tf.Tensor2D, keyBias: tf.Tensor1D, valueWeight: tf.Tensor2D, valueBias: tf.Tensor1D];

/** Plain tfjs form of `qkvLinear`: one product with the stacked weights. */
export function qkvLinearReference(x: tf.Tensor2D, ...[wq, bq, wk, bk, wv, bv]: Weights): tf.Tensor2D {
  return linearReference(x, tf.concat2d([wq, wk, wv], 0), tf.concat1d([bq, bk, bv]));
}

/** Plain tfjs gradients, in the order of the inputs. */
function qkvGradients(dqkv: tf.Tensor2D, x: tf.Tensor2D, weights: tf.Tensor2D[]): tf.Tensor[] {
  const [dx, dweight, dbias] = linearGradients(dqkv, x, tf.concat2d(weights, 0));
  const dweights = tf.split(dweight, 3, 0);
  const dbiases = tf.split(dbias, 3, 0);
  return [dx, ...dweights.flatMap((part, i) => [part, dbiases[i] as tf.Tensor])];
}

/**
 * [x Wq^T + bq | x Wk^T + bk | x Wv^T + bv].
 * @param x [T, H]; each weight [H, H], each bias [H] @returns [T, 3H]
 */
export function qkvLinear(x: tf.Tensor2D, ...weights: Weights): tf.Tensor2D {
  const native = nativeActive();
  const [tokens, hidden] = x.shape;
  return withGradient<tf.Tensor2D>(
    [x, ...weights],
    (save) => {
      const [wq, bq, wk, bk, wv, bv] = weights;
      save([x, wq, wk, wv]);
      if (!native) return qkvLinearReference(x, ...weights);
      const qkv = allocate([tokens, 3 * hidden]);
      addon().qkvForward(valuesOf(x), valuesOf(wq), valuesOf(bq), valuesOf(wk), valuesOf(bk), valuesOf(wv), valuesOf(bv), qkv.values, tokens, hidden);
      return qkv.tensor as tf.Tensor2D;
    },
    (dqkv, saved) => {
      if (!native) return qkvGradients(dqkv, saved[0] as tf.Tensor2D, saved.slice(1) as tf.Tensor2D[]);
      const [savedX, wq, wk, wv] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const dx = allocate([tokens, hidden]);
      const projection = () => ({ weight: allocate([hidden, hidden]), bias: allocate([hidden]) });
      const [q, k, v] = [projection(), projection(), projection()] as const;
      addon().qkvBackward(
        valuesOf(dqkv), savedX, wq, wk, wv, dx.values,
        q.weight.values, q.bias.values, k.weight.values, k.bias.values, v.weight.values, v.bias.values, tokens, hidden, false,
      );
      return [dx.tensor, ...[q, k, v].flatMap(({ weight, bias }) => [weight.tensor, bias.tensor])];
    },
  );
}
