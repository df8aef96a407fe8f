/** The one place where ops meet tfjs' tape: an op with its own gradient, typed. */
import * as tf from '@tensorflow/tfjs';

/** Whether a gradient is being recorded, so that a forward pass has to make what backward needs. False inside `forward` itself. */
export function recordingGradient(): boolean {
  // tfjs has this method but leaves it out of the type.
  const engine = tf.engine() as unknown as { isTapeOn(): boolean };
  return engine.isTapeOn();
}

let releasing = false;

/**
 * Runs a computation of gradients whose tape serves once: each op lets go of what it kept, and of its output's gradient, as
 * soon as its inputs' gradients are there. tfjs would hold both to the end, and backward would need a third more memory than
 * forward. Not for gradients of gradients, nor where the caller gives the output's gradient.
 */
export function releasingTape<T>(run: () => T): T {
  const before = releasing;
  releasing = true;
  try {
    return run();
  } finally {
    releasing = before;
  }
}

/** The gradients, each a tensor of its own: tfjs may sum one of them into another and dispose it. */
function apart(gradients: readonly tf.Tensor[]): tf.Tensor[] {
  return gradients.map((gradient, i) => (gradients.indexOf(gradient) === i ? gradient : gradient.clone()));
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
      gradFunc: (dys: T | tf.Tensor[], saved: tf.Tensor[]) => {
        const dy = (Array.isArray(dys) ? dys[0] : dys) as T;
        const gradients = tf.tidy(() => apart(backward(dy, saved)));
        if (releasing) tf.dispose([...saved, dy].filter((tensor) => !gradients.includes(tensor)));
        return gradients;
      },
    };
  });
  return op(...inputs);
}
