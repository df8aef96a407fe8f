/** The masked-language-model loss and its gradient in plain tfjs, in chunks of rows, so that the [M, V] logits never exist whole. */
import * as tf from '@tensorflow/tfjs';
import { columnSum, transposedTimes } from './matrixProducts.js';
import { gatherRowsReference, scatterAddRowsReference } from './rows.js';

/** Most logits in one chunk: 16 MiB in float32, of which about five live at once. */
const maxChunkElements = 2 ** 22;

export interface MlmResult {
  /** [2]: scaled loss, rows predicted right. */
  readonly stats: tf.Tensor1D;
  /** Of hidden, table and bias; empty where not wanted. */
  readonly gradients: readonly tf.Tensor[];
}

/** A type, not an interface: tf.tidy takes what has an index signature. */
type ChunkResult = {
  readonly loss: tf.Tensor;
  readonly correct: tf.Tensor;
  readonly dhidden?: tf.Tensor2D;
  readonly dtable?: tf.Tensor2D;
  readonly dbias?: tf.Tensor1D;
};

/**
 * Loss and gradients of m rows, without the labels' own share in dtable and dbias, which is a scatter over all rows at once.
 * @param h [m, H] @param transposedTable [H, V]
 */
function chunk(h: tf.Tensor2D, table: tf.Tensor2D, transposedTable: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, scale: number, wantGradients: boolean): ChunkResult {
  const vocabSize = table.shape[0];
  const rows = labels.length;
  const logits = tf.fused.matMul({ a: h, b: transposedTable, bias }) as tf.Tensor2D;
  const max = tf.max<tf.Tensor2D>(logits, 1, true);
  const exponentials = tf.exp(tf.sub<tf.Tensor2D>(logits, max));
  const sums = tf.sum<tf.Tensor2D>(exponentials, 1, true);
  const labelLogits = tf.gather(tf.reshape(logits, [rows * vocabSize]), tf.tensor1d(labels.map((label, i) => i * vocabSize + label), 'int32'));
  const loss = tf.sum(tf.log(sums).add(max.sub(tf.reshape(labelLogits, [rows, 1])))).mul(scale);
  const correct = tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), tf.tensor1d(labels, 'int32')), 'float32'));
  if (!wantGradients) return { loss, correct };
  // dlogits = scale (softmax - onehot); softmax = exponentials / sums is applied to the narrow side of each product.
  const weights = tf.div<tf.Tensor2D>(scale, sums);
  const dhidden = tf.matMul(exponentials, table).mul(weights).sub<tf.Tensor2D>(gatherRowsReference(table, labels).mul(scale));
  const dtable = transposedTimes(exponentials, tf.mul(h, weights));
  return { loss, correct, dhidden, dtable, dbias: columnSum(tf.mul(exponentials, weights)) };
}

/** Plain tfjs form of `mlmCrossEntropy`, with the gradients where asked for. Call inside tf.tidy. */
export function mlmCrossEntropyReference(
  hidden: tf.Tensor2D, table: tf.Tensor2D, bias: tf.Tensor1D, labels: Int32Array, scale: number, wantGradients: boolean, chunkElements = maxChunkElements,
): MlmResult {
  const [rows, width] = hidden.shape;
  const vocabSize = table.shape[0];
  const chunkRows = Math.max(1, Math.floor(chunkElements / vocabSize));
  const transposedTable = tf.transpose(table);
  const labelCounts = new Float32Array(vocabSize);
  for (const label of labels) labelCounts[label] = (labelCounts[label] as number) + scale;
  const dhidden: tf.Tensor2D[] = [];
  let loss: tf.Tensor = tf.scalar(0);
  let correct: tf.Tensor = tf.scalar(0);
  let dtable: tf.Tensor = wantGradients ? tf.neg(scatterAddRowsReference(tf.mul(hidden, scale), labels, vocabSize)) : tf.scalar(0);
  let dbias: tf.Tensor = wantGradients ? tf.neg(tf.tensor1d(labelCounts, 'float32')) : tf.scalar(0);
  const accumulate = (total: tf.Tensor, term: tf.Tensor): tf.Tensor => {
    const sum = tf.add(total, term);
    tf.dispose([total, term]);
    return sum;
  };
  for (let start = 0; start < rows; start += chunkRows) {
    const count = Math.min(chunkRows, rows - start);
    const part = tf.tidy(() => {
      const rowsOfChunk = tf.slice(hidden, [start, 0], [count, width]);
      return chunk(rowsOfChunk, table, transposedTable, bias, labels.slice(start, start + count), scale, wantGradients);
    });
    loss = accumulate(loss, part.loss);
    correct = accumulate(correct, part.correct);
    if (part.dhidden !== undefined) dhidden.push(part.dhidden);
    if (part.dtable !== undefined) dtable = accumulate(dtable, part.dtable);
    if (part.dbias !== undefined) dbias = accumulate(dbias, part.dbias);
  }
  const stats = tf.stack([loss, correct]) as tf.Tensor1D;
  if (!wantGradients) return { stats, gradients: [] };
  return { stats, gradients: [dhidden.length === 0 ? tf.zeros([0, width]) : tf.concat2d(dhidden, 0), dtable, dbias] };
}
