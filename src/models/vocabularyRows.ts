/** The rows of the word embeddings beside the entries of the tokenizer. */
import { DataError } from '../data/errors.js';
import type { TokenizerEntries } from '../tokenizer/tokenizerEntries.js';

/**
 * What is to be noted where a model has more rows than the tokenizer has entries, which is legal: vocabularies are padded to
 * multiples of 8 or 64.
 * @param model names the model in errors, as its directory
 * @throws DataError naming both where there are fewer rows: some ids would have no embedding
 */
export function checkVocabularyRows(model: string, rows: number, { entries, file }: TokenizerEntries): string | undefined {
  if (rows < entries) {
    throw new DataError(`the tokenizer has ${entries} entries, the word embeddings of ${model} have ${rows} rows; expected a row for each entry`, {
      location: { file },
      hint: 'These are the weights of one model and the tokenizer of another: copy both from the same model.',
    });
  }
  if (rows === entries) return undefined;
  const unused = rows - entries === 1 ? 'the last row is' : `the last ${rows - entries} rows are`;
  return `the word embeddings have ${rows} rows, the tokenizer ${entries} entries: ${unused} not used`;
}
