/** The small losses of the sentence-level heads, in plain tfjs: their tensors have a row a sentence, so nothing is gained by fusing. */
import * as tf from '@tensorflow/tfjs';

export interface LossOptions {
  /** Factor on the sum over rows; default 1 / B, the mean. */
  readonly scale?: number | undefined;
}

/**
 * Cross-entropy of softmax(logits) with the labels, summed over rows and scaled.
 * Label smoothing mixes the target with the uniform distribution (Szegedy et al., 2016, section 7).
 * @param logits [B, C] @param labels [B], each in [0, C), else a RangeError
 */
export function classCrossEntropy(logits: tf.Tensor2D, labels: Int32Array, options: LossOptions & { readonly labelSmoothing?: number | undefined } = {}): tf.Scalar {
  const [rows, classes] = logits.shape;
  if (labels.length !== rows) throw new RangeError(`classCrossEntropy: ${labels.length} labels for logits [${rows}, ${classes}]; expected one a row`);
  const bad = labels.findIndex((label) => label < 0 || label >= classes);
  if (bad >= 0) throw new RangeError(`classCrossEntropy: label ${labels[bad]} of row ${bad} is outside the ${classes} classes`);
  const smoothing = options.labelSmoothing ?? 0;
  return tf.tidy(() => {
    const targets = new Float32Array(rows * classes).fill(smoothing / classes);
    for (let row = 0; row < rows; row++) {
      const index = row * classes + (labels[row] as number);
      targets[index] = (targets[index] as number) + 1 - smoothing;
    }
    const logProbabilities = tf.logSoftmax(logits);
    return logProbabilities.mul(tf.tensor2d(targets, [rows, classes])).sum().mul(-(options.scale ?? 1 / rows)) as tf.Scalar;
  });
}

/** Squared error summed over rows and scaled. @param predictions [B] @param targets [B] */
export function meanSquaredError(predictions: tf.Tensor1D, targets: Float32Array, options: LossOptions = {}): tf.Scalar {
  const rows = predictions.shape[0];
  if (targets.length !== rows) throw new RangeError(`meanSquaredError: ${targets.length} targets for predictions [${rows}]; expected one a row`);
  return tf.tidy(() => predictions.sub(tf.tensor1d(targets, 'float32')).square().sum().mul(options.scale ?? 1 / rows) as tf.Scalar);
}
