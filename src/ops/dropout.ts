/** Dropout (Srivastava et al., 2014) with masks from the counter-based generator: recomputed in backward, never stored. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type DropoutSpec, dropoutMask } from './dropoutGenerator.js';
import { withGradient } from './withGradient.js';

/** Plain tfjs form of `dropout`; linear in x, so it is its own gradient too. */
export function dropoutReference(x: tf.Tensor2D, spec: DropoutSpec | undefined): tf.Tensor2D {
  if (spec === undefined) return x;
  const [rows, cols] = x.shape;
  return tf.mul(x, tf.tensor2d(dropoutMask(spec, rows, cols), [rows, cols]));
}

/**
 * Zeroes each element with probability `spec.rate` and scales the others by 1 / (1 - rate); without `spec` returns x itself.
 * @param x [rows, cols]
 */
export function dropout(x: tf.Tensor2D, spec: DropoutSpec | undefined): tf.Tensor2D {
  if (spec === undefined) return x;
  const [rows, cols] = x.shape;
  const native = nativeActive();
  const apply = (input: tf.Tensor2D): tf.Tensor2D => {
    if (!native) return dropoutReference(input, spec);
    const output = allocate([rows, cols]);
    addon().dropout(valuesOf(input), output.values, rows, cols, spec.rate, spec.key);
    return output.tensor as tf.Tensor2D;
  };
  return withGradient<tf.Tensor2D>([x], () => apply(x), (dy) => [apply(dy)]);
}
