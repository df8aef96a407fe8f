/** Dropout (Srivastava et al., 2014) with masks from the counter-based generator: recomputed in backward, never stored. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type DropoutSpec, dropoutMask } from './dropoutGenerator.js';
import { withGradient } from './withGradient.js';

/** Plain tfjs form of `dropout`, differentiable by tfjs itself. */
export function dropoutReference(x: tf.Tensor2D, spec: DropoutSpec | undefined): tf.Tensor2D {
  if (spec === undefined) return x;
  const [rows, cols] = x.shape;
  return x.mul(tf.tensor2d(dropoutMask(spec, rows, cols), [rows, cols]));
}

/**
 * Zeroes each element with probability `spec.rate` and scales the others by 1 / (1 - rate); without `spec` returns x itself.
 * @param x [rows, cols]
 */
export function dropout(x: tf.Tensor2D, spec: DropoutSpec | undefined): tf.Tensor2D {
  if (spec === undefined) return x;
  if (!nativeActive()) return tf.tidy(() => dropoutReference(x, spec));
  const [rows, cols] = x.shape;
  const apply = (input: tf.Tensor): tf.Tensor => {
    const output = allocate([rows, cols]);
    addon().dropout(valuesOf(input), output.values, rows, cols, spec.rate, spec.key);
    return output.tensor;
  };
  return withGradient([x], () => apply(x), (dy) => [apply(dy)]) as tf.Tensor2D;
}
