/**
 * The masked-language-model loss over the tied word embeddings: logits = h E^T + b, softmax cross-entropy with the labels.
 * The gradient is formed in the forward pass, where the logits are at hand: the loss is a scalar, so the gradient that comes in
 * only scales the result.
 */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type MlmResult, mlmCrossEntropyReference } from './mlmCrossEntropyPlain.js';
import { recordingGradient, withGradient } from './withGradient.js';

export { mlmCrossEntropyReference } from './mlmCrossEntropyPlain.js';

export interface MlmCrossEntropyOptions {
  /** Factor on the sum of negative log-likelihoods; default 1 / M, the mean. */
  readonly scale?: number | undefined;
  /** Whether backward will follow; by default wherever a gradient is recorded. */
  readonly withGradient?: boolean | undefined;
}

function nativeForward(hidden: tf.Tensor2D, table: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, scale: number, wantGradients: boolean): MlmResult {
  const [rows, width] = hidden.shape;
  const vocabSize = table.shape[0];
  const stats = allocate([2]);
  const outputs = wantGradients ? [allocate([rows, width]), allocate([vocabSize, width]), allocate([vocabSize])] : [];
  const [dhidden, dtable, dbias] = outputs.map(({ values }) => values);
  addon().mlmCrossEntropy(
    valuesOf(hidden), valuesOf(table), valuesOf(bias), labels, stats.values, dhidden ?? null, dtable ?? null, dbias ?? null, rows, width, vocabSize, scale,
  );
  return { stats: stats.tensor as tf.Tensor1D, gradients: outputs.map(({ tensor }) => tensor) };
}

/**
 * [loss, correct]: loss = scale x sum of -log softmax(h E^T + b)[label], correct = rows whose largest logit is the label's.
 * Only the loss is differentiable; the gradient of `correct` is zero.
 * @param hidden [M, H] @param table [V, H] @param bias [V] @param labels [M], each in [0, V)
 * M = 0 gives [0, 0]. A label out of range, or labels of another number than M, throw a RangeError.
 */
export function mlmCrossEntropy(hidden: tf.Tensor2D, table: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, options: MlmCrossEntropyOptions = {}): tf.Tensor1D {
  const vocabSize = table.shape[0];
  if (labels.length !== hidden.shape[0]) throw new RangeError(`mlmCrossEntropy: ${labels.length} labels for hidden [${hidden.shape.join(', ')}]; expected one a row`);
  const bad = labels.findIndex((label) => label < 0 || label >= vocabSize);
  if (bad >= 0) throw new RangeError(`mlmCrossEntropy: label ${labels[bad]} of row ${bad} is outside the vocabulary of ${vocabSize}`);
  const scale = options.scale ?? 1 / Math.max(1, labels.length);
  const wantGradients = recordingGradient() && options.withGradient !== false;
  const native = nativeActive();
  return withGradient<tf.Tensor1D>(
    [hidden, table, bias],
    (save) => {
      const { stats, gradients } = (native ? nativeForward : mlmCrossEntropyReference)(hidden, table, bias, labels, scale, wantGradients);
      save(gradients);
      return stats;
    },
    (dy, saved) => {
      if (saved.length === 0) throw new Error('mlmCrossEntropy was called with withGradient: false, so it has no gradient');
      const factor = dy.dataSync()[0] as number;
      return saved.map((gradient) => (factor === 1 ? gradient.clone() : tf.mul(gradient, factor)));
    },
  );
}
