/** What a pretrained model would put in the place of each [MASK] of a text. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../src/data/errors.js';
import { packSequences } from '../src/data/packedBatch.js';
import { AutoModelForMaskedLM, likeliestTokens, type MaskedLanguageModel } from '../src/models/index.js';
import { AutoTokenizer, type TextTokenizer } from '../src/tokenizer/index.js';

export interface FilledPiece {
  readonly token: string;
  readonly tokenId: number;
  /** Probability over the whole vocabulary. */
  readonly score: number;
}

/**
 * The `top` likeliest pieces for each [MASK] of `text`, in the order of the text, best first; each is predicted with the others masked.
 * What the loading of the checkpoint has to say goes to `note`. `model` is a checkpoint directory, or a model with its tokenizer (not disposed here). Throws a UsageError for a text without [MASK]
 * and for a checkpoint without the head that predicts.
 */
export async function fillMask(
  model: string | { readonly model: MaskedLanguageModel; readonly tokenizer: TextTokenizer },
  text: string,
  top = 5,
  note?: (text: string) => void,
): Promise<FilledPiece[][]> {
  if (!Number.isInteger(top) || top < 1) throw new UsageError(`top is ${top}; expected a whole number of at least 1`);
  if (typeof model !== 'string') return fill(model.model, model.tokenizer, text, top);
  const tokenizer = await AutoTokenizer.fromPretrained(model);
  const loaded = await AutoModelForMaskedLM.fromPretrained(model);
  try {
    const { missing, notes = [] } = loaded.loadReport;
    for (const line of notes) note?.(line);
    if (missing.length > 0) {
      throw new UsageError(`${model} has no masked-language-model head (${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''})`, { hint: 'Give a model made by `bertwright pretrain`.' });
    }
    return await fill(loaded, tokenizer, text, top);
  } finally {
    loaded.dispose();
  }
}

async function fill(model: MaskedLanguageModel, tokenizer: TextTokenizer, text: string, top: number): Promise<FilledPiece[][]> {
  const { inputIds } = tokenizer.encode(text, undefined, { maxLength: model.config.maxPositionEmbeddings, truncation: true });
  const positions = Int32Array.from(inputIds.flatMap((id, i) => (id === tokenizer.maskTokenId ? [i] : [])));
  if (positions.length === 0) {
    const mask = tokenizer.vocab[tokenizer.maskTokenId] ?? '[MASK]';
    throw new UsageError(`the text has no ${mask}`, { hint: `Write ${mask} where a word is to be found, for example "the ${mask} of the king".` });
  }
  // [M, V]
  const probabilities = tf.tidy(() => tf.softmax(model.packedLogits(packSequences([{ inputIds }]), positions, { training: false })));
  const values = await probabilities.data();
  probabilities.dispose();
  const size = model.config.vocabSize;
  return Array.from(positions, (_, m) => {
    const row = values.subarray(m * size, (m + 1) * size);
    return likeliestTokens(row, tokenizer, top).map((tokenId) => ({ token: tokenizer.vocab[tokenId] ?? '', tokenId, score: row[tokenId] as number }));
  });
}
