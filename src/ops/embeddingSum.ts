/** The sum of word, position and token-type embeddings (Devlin et al., 2019, figure 2), and the gradients of the three tables. */
import type * as tf from '@tensorflow/tfjs';
import { addN } from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { checkRows, gatherRowsReference, scatterAddRows } from './rows.js';
import { withGradient } from './withGradient.js';

/** Plain tfjs form of `embeddingSum`. */
export function embeddingSumReference(
  word: tf.Tensor2D, position: tf.Tensor2D, tokenType: tf.Tensor2D, inputIds: Int32Array, positionIds: Int32Array, tokenTypeIds: Int32Array,
): tf.Tensor2D {
  return addN([gatherRowsReference(word, inputIds), gatherRowsReference(position, positionIds), gatherRowsReference(tokenType, tokenTypeIds)]);
}

/**
 * word[inputIds] + position[positionIds] + tokenType[tokenTypeIds].
 * @param word [V, H] @param position [P, H] @param tokenType [2, H]; the ids are [T] @returns [T, H]
 * An id outside its table throws a RangeError that names table, id and token.
 */
export function embeddingSum(
  word: tf.Tensor2D, position: tf.Tensor2D, tokenType: tf.Tensor2D, inputIds: Int32Array, positionIds: Int32Array, tokenTypeIds: Int32Array,
): tf.Tensor2D {
  checkRows(inputIds, word.shape[0], 'embeddingSum: token id');
  checkRows(positionIds, position.shape[0], 'embeddingSum: position');
  checkRows(tokenTypeIds, tokenType.shape[0], 'embeddingSum: token type');
  const tokens = inputIds.length;
  const hidden = word.shape[1];
  return withGradient<tf.Tensor2D>(
    [word, position, tokenType],
    () => {
      if (!nativeActive()) return embeddingSumReference(word, position, tokenType, inputIds, positionIds, tokenTypeIds);
      const y = allocate([tokens, hidden]);
      addon().embeddingForward(valuesOf(word), valuesOf(position), valuesOf(tokenType), inputIds, positionIds, tokenTypeIds, y.values, tokens, hidden);
      return y.tensor as tf.Tensor2D;
    },
    (dy) => [
      scatterAddRows(dy, inputIds, word.shape[0]),
      scatterAddRows(dy, positionIds, position.shape[0]),
      scatterAddRows(dy, tokenTypeIds, tokenType.shape[0]),
    ],
  );
}
