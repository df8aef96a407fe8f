/** The one place where ops meet tfjs' tape: an op with its own gradient, typed. */
import * as tf from '@tensorflow/tfjs';

/** Whether a gradient is being recorded, so that a forward pass has to keep what backward needs. */
export function recordingGradient(): boolean {
  const engine = tf.engine() as unknown as { isTapeOn(): boolean };
  return engine.isTapeOn();
}

/**
 * Runs `forward` as one op on `inputs`. `forward` hands to `save` what `backward` needs (tfjs disposes it with the tape);
 * `backward` returns one gradient for each input, in order, of the input's shape.
 */
export function withGradient(
  inputs: readonly tf.Tensor[],
  forward: (save: (tensors: readonly tf.Tensor[]) => void) => tf.Tensor,
  backward: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => readonly tf.Tensor[],
): tf.Tensor {
  const op = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    return {
      value: forward((tensors) => save([...tensors])),
      gradFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => [...backward(Array.isArray(dy) ? (dy[0] as tf.Tensor) : dy, saved)],
    };
  });
  return op(...inputs);
}
