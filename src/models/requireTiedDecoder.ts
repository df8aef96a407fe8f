/** The masked-language-model head here shares the word embeddings; a checkpoint that unties them computes something else. */
import type { EncoderConfig } from '../config/encoderConfig.js';
import { DataError } from '../data/errors.js';

/** @throws DataError where config.json says `tie_word_embeddings: false` */
export function requireTiedDecoder(config: EncoderConfig): void {
  if (config.extra['tie_word_embeddings'] !== false) return;
  throw new DataError('config.json: tie_word_embeddings is false; expected true: the masked-language-model head is tied to the word embeddings', {
    hint: 'Load the encoder alone, or with a classification head.',
  });
}
