/** The one place where ops meet tfjs' tape: an op with its own gradient, typed. */
import * as tf from '@tensorflow/tfjs';

/** Whether a gradient is being recorded, so that a forward pass has to make what backward needs. False inside `forward` itself. */
export function recordingGradient(): boolean {
  // tfjs has this method but leaves it out of the type.
  const engine = tf.engine() as unknown as { isTapeOn(): boolean };
  return engine.isTapeOn();
}

/**
 * Runs `forward` as one op on `inputs`. `forward` hands to `save` what `backward` needs (tfjs disposes it with the tape);
 * `backward` returns one gradient for each input, in order, of the input's shape. Intermediate tensors of both are freed here.
 */
export function withGradient<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: (save: (tensors: readonly tf.Tensor[]) => void) => T,
  backward: (dy: T, saved: readonly tf.Tensor[]) => readonly tf.Tensor[],
): T {
  const op = tf.customGrad<T>((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    return {
      value: forward((tensors) => save([...tensors])),
      gradFunc: (dy: T | tf.Tensor[], saved: tf.Tensor[]) => tf.tidy(() => [...backward((Array.isArray(dy) ? dy[0] : dy) as T, saved)]),
    };
  });
  return op(...inputs);
}
