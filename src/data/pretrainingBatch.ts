/** A packed batch with the targets of masked-language-model and next-sentence pretraining. */
import type { PackedBatch } from './packedBatch.js';

/** T = tokens, B = sequences, M = masked tokens of the batch. */
export interface PretrainingBatch extends PackedBatch {
  /** Index of each masked token in the packed batch, 0 to T - 1, [M]. */
  readonly maskedPositions: Int32Array;
  /** The original token id at each masked position, [M]. */
  readonly maskedLabels: Int32Array;
  /** 0 = the second segment follows the first, 1 = it does not, [B]; undefined where the data has no such task. */
  readonly nextSentenceLabels: Int32Array | undefined;
}
