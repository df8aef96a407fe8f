/** The tokenizer of a directory, whatever its kind. */
import { BertTokenizer } from './bertTokenizer.js';
import { GenericTokenizer } from './genericTokenizer.js';
import { readTokenizerFiles } from './tokenizerFiles.js';
import type { TextTokenizer } from './types.js';

export const AutoTokenizer = {
  /**
   * A BertTokenizer where the files describe BERT's WordPiece, else the tokenizer.json through `@huggingface/tokenizers`.
   * @throws UsageError where the files are missing, DataError where they are malformed
   */
  async fromPretrained(directory: string): Promise<TextTokenizer> {
    const files = await readTokenizerFiles(directory);
    return files.kind === 'bert' ? BertTokenizer.fromVocab(files.vocab, files.options) : GenericTokenizer.fromFiles(files);
  },
};
