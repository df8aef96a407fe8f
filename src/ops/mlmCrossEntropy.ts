/**
 * The masked-language-model loss over the tied word embeddings: logits = h E^T + b, softmax cross-entropy with the labels.
 * The [M, V] logits never exist whole: rows go through in chunks, and the gradient is formed in the same pass, since the loss is a
 * scalar and its incoming gradient only scales the result.
 */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { recordingGradient, withGradient } from './withGradient.js';

/** Rows of a chunk on engines other than native. */
const chunkRows = 128;

export interface MlmCrossEntropyOptions {
  /** Factor on the sum of negative log-likelihoods; default 1 / M, the mean. */
  readonly scale?: number | undefined;
}

interface Gradients {
  readonly hidden: tf.Tensor;
  readonly table: tf.Tensor;
  readonly bias: tf.Tensor;
}

/** Loss statistics [2] in plain tfjs, and the gradients where asked for. All tensors returned are the caller's. */
export function mlmCrossEntropyReference(
  hidden: tf.Tensor2D, table: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, scale: number, wantGradients: boolean,
): { readonly stats: tf.Tensor1D; readonly gradients: Gradients | undefined } {
  const [rows, width] = hidden.shape;
  const vocabSize = table.shape[0];
  let loss: tf.Tensor = tf.scalar(0);
  let correct = 0;
  let dtable: tf.Tensor = tf.zeros([vocabSize, width]);
  let dbias: tf.Tensor = tf.zeros([vocabSize]);
  const dhidden: tf.Tensor[] = [];
  for (let start = 0; start < rows; start += chunkRows) {
    const count = Math.min(chunkRows, rows - start);
    const chunkLabels = labels.slice(start, start + count);
    const part = tf.tidy(() => {
      const h = tf.slice(hidden, [start, 0], [count, width]);
      const logits = tf.matMul(h, table, false, true).add(bias);
      const logProbabilities = tf.logSoftmax(logits as tf.Tensor2D);
      const best = logits.argMax(1).dataSync();
      for (let i = 0; i < count; i++) if (best[i] === chunkLabels[i]) correct += 1;
      const oneHot = tf.oneHot(tf.tensor1d(chunkLabels, 'int32'), vocabSize).toFloat();
      const nll = logProbabilities.mul(oneHot).sum().mul(-scale);
      if (!wantGradients) return { nll };
      const dlogits = tf.exp(logProbabilities).sub(oneHot).mul(scale) as tf.Tensor2D;
      return { nll, dh: tf.matMul(dlogits, table), dt: tf.matMul(dlogits, h, true), db: dlogits.sum(0) };
    });
    const add = (total: tf.Tensor, term: tf.Tensor): tf.Tensor => {
      const sum = total.add(term);
      tf.dispose([total, term]);
      return sum;
    };
    loss = add(loss, part.nll);
    if (part.dh !== undefined && part.dt !== undefined && part.db !== undefined) {
      dhidden.push(part.dh);
      dtable = add(dtable, part.dt);
      dbias = add(dbias, part.db);
    }
  }
  const stats = tf.tidy(() => tf.stack([loss, tf.scalar(correct)]) as tf.Tensor1D);
  loss.dispose();
  if (!wantGradients) {
    tf.dispose([dtable, dbias]);
    return { stats, gradients: undefined };
  }
  const dhiddenAll = tf.tidy(() => (dhidden.length === 0 ? tf.zeros([0, width]) : tf.concat(dhidden, 0)));
  tf.dispose(dhidden);
  return { stats, gradients: { hidden: dhiddenAll, table: dtable, bias: dbias } };
}

function nativeForward(hidden: tf.Tensor2D, table: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, scale: number, wantGradients: boolean): { stats: tf.Tensor1D; gradients: Gradients | undefined } {
  const [rows, width] = hidden.shape;
  const vocabSize = table.shape[0];
  const stats = allocate([2]);
  const outputs = wantGradients ? { hidden: allocate([rows, width]), table: allocate([vocabSize, width]), bias: allocate([vocabSize]) } : undefined;
  addon().mlmCrossEntropy(
    valuesOf(hidden), valuesOf(table), valuesOf(bias), labels, stats.values,
    outputs?.hidden.values ?? null, outputs?.table.values ?? null, outputs?.bias.values ?? null, rows, width, vocabSize, scale,
  );
  const gradients = outputs === undefined ? undefined : { hidden: outputs.hidden.tensor, table: outputs.table.tensor, bias: outputs.bias.tensor };
  return { stats: stats.tensor as tf.Tensor1D, gradients };
}

/**
 * [loss, correct]: loss = scale x sum of -log softmax(h E^T + b)[label], correct = rows whose largest logit is the label's.
 * Only the loss is differentiable; the gradient of `correct` is zero.
 * @param hidden [M, H] @param table [V, H] @param bias [V] @param labels [M], each in [0, V)
 * M = 0 gives [0, 0]. A label out of range throws a RangeError.
 */
export function mlmCrossEntropy(hidden: tf.Tensor2D, table: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, options: MlmCrossEntropyOptions = {}): tf.Tensor1D {
  const vocabSize = table.shape[0];
  const bad = labels.findIndex((label) => label < 0 || label >= vocabSize);
  if (bad >= 0) throw new RangeError(`mlmCrossEntropy: label ${labels[bad]} of row ${bad} is outside the vocabulary of ${vocabSize}`);
  const scale = options.scale ?? 1 / Math.max(1, labels.length);
  const wantGradients = recordingGradient();
  return withGradient(
    [hidden, table, bias],
    (save) => {
      const compute = nativeActive() ? nativeForward : mlmCrossEntropyReference;
      const { stats, gradients } = compute(hidden, table, bias, labels, scale, wantGradients);
      if (gradients !== undefined) {
        const { hidden: dhidden, table: dtable, bias: dbias } = gradients;
        save([dhidden, dtable, dbias]);
        tf.dispose([dhidden, dtable, dbias]);
      }
      return stats;
    },
    (dy, saved) => {
      const factor = (dy.dataSync()[0] ?? 0) as number;
      return saved.map((gradient) => (factor === 1 ? gradient.clone() : tf.mul(gradient, factor)));
    },
  ) as tf.Tensor1D;
}
