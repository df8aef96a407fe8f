/** Which tokens a masked-language model holds for the likeliest in the place of a mask. */
import type { TextTokenizer } from '../tokenizer/index.js';

/**
 * Ids of the `count` likeliest tokens, best first, ties by id. Rows beyond the tokenizer's entries, with which vocabularies are
 * padded, are no tokens and are passed over.
 * @param probabilities of every row of the word embeddings, [V]
 */
export function likeliestTokens(probabilities: ArrayLike<number>, tokenizer: Pick<TextTokenizer, 'vocabSize'>, count: number): number[] {
  const of = (id: number): number => probabilities[id] as number;
  return Array.from({ length: Math.min(tokenizer.vocabSize, probabilities.length) }, (_, id) => id)
    .sort((a, b) => of(b) - of(a) || a - b)
    .slice(0, count);
}
