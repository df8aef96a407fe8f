/** The sum of word, position and token-type embeddings (Devlin et al., 2019, figure 2), and the gradients of the three tables. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { gatherRowsReference, scatterAddRows } from './rows.js';
import { withGradient } from './withGradient.js';

function checkIds(ids: Int32Array, limit: number, table: string): void {
  const bad = ids.findIndex((id) => id < 0 || id >= limit);
  if (bad >= 0) throw new RangeError(`${table} id ${ids[bad]} at token ${bad} is outside the table of ${limit} rows`);
}

/** Plain tfjs form of `embeddingSum`, without its gradient. */
export function embeddingSumReference(
  word: tf.Tensor2D, position: tf.Tensor2D, tokenType: tf.Tensor2D, inputIds: Int32Array, positionIds: Int32Array, tokenTypeIds: Int32Array,
): tf.Tensor2D {
  return gatherRowsReference(word, inputIds).add(gatherRowsReference(position, positionIds)).add(gatherRowsReference(tokenType, tokenTypeIds));
}

/**
 * word[inputIds] + position[positionIds] + tokenType[tokenTypeIds].
 * @param word [V, H] @param position [P, H] @param tokenType [2, H]; the ids are [T] @returns [T, H]
 * An id outside its table throws a RangeError that names table, id and token.
 */
export function embeddingSum(
  word: tf.Tensor2D, position: tf.Tensor2D, tokenType: tf.Tensor2D, inputIds: Int32Array, positionIds: Int32Array, tokenTypeIds: Int32Array,
): tf.Tensor2D {
  checkIds(inputIds, word.shape[0], 'word');
  checkIds(positionIds, position.shape[0], 'position');
  checkIds(tokenTypeIds, tokenType.shape[0], 'token type');
  const tokens = inputIds.length;
  const hidden = word.shape[1];
  return withGradient(
    [word, position, tokenType],
    () => {
      if (!nativeActive()) return tf.tidy(() => embeddingSumReference(word, position, tokenType, inputIds, positionIds, tokenTypeIds));
      const y = allocate([tokens, hidden]);
      addon().embeddingForward(valuesOf(word), valuesOf(position), valuesOf(tokenType), inputIds, positionIds, tokenTypeIds, y.values, tokens, hidden);
      return y.tensor;
    },
    (dy) => [
      scatterAddRows(dy as tf.Tensor2D, inputIds, word.shape[0]),
      scatterAddRows(dy as tf.Tensor2D, positionIds, position.shape[0]),
      scatterAddRows(dy as tf.Tensor2D, tokenTypeIds, tokenType.shape[0]),
    ],
  ) as tf.Tensor2D;
}
