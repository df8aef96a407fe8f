/** For models that asked for a pooler: its output is there, or the encoder broke its contract. */
import type * as tf from '@tensorflow/tfjs';

export function requirePooled(pooledOutput: tf.Tensor2D | undefined): tf.Tensor2D {
  if (pooledOutput === undefined) throw new Error('the encoder was made with a pooler but gave no pooled output');
  return pooledOutput;
}
