/** What every tokenizer offers, whichever algorithm is behind it. */

/** Which of a pair gives way where both together are too long; names as in transformers. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';

export interface EncodeOptions {
  /** Most tokens of the result, special tokens included. Given without `truncation` it means 'longest_first'. */
  readonly maxLength?: number | undefined;
  /** true = 'longest_first' (to `maxLength`, else to the tokenizer's own limit), false = 'do_not_truncate'. */
  readonly truncation?: boolean | TruncationStrategy | undefined;
}

/** One encoded text or pair; all three arrays have the same length. */
export interface Encoding {
  inputIds: number[];
  /** 1 for every token: nothing is padded here. */
  attentionMask: number[];
  /** 0 for the first text and its special tokens, 1 for the second. */
  tokenTypeIds: number[];
}

export interface DecodeOptions {
  /** Leave out [CLS], [SEP], [PAD] and their like; default false. */
  readonly skipSpecialTokens?: boolean | undefined;
}

export interface TextTokenizer {
  /** Every token by its id. */
  readonly vocab: readonly string[];
  readonly vocabSize: number;
  readonly padTokenId: number;
  readonly unkTokenId: number;
  readonly clsTokenId: number;
  readonly sepTokenId: number;
  readonly maskTokenId: number;
  /** The longest input that the model was made for, where its files say so. */
  readonly modelMaxLength: number | undefined;
  /** The ids of a text or a pair with its special tokens. */
  encode(text: string, pair?: string, options?: EncodeOptions): Encoding;
  encodeBatch(inputs: readonly (string | readonly [string, string])[], options?: EncodeOptions): Encoding[];
  /** The ids of a text without [CLS] and [SEP]: for corpora. The array belongs to the caller. */
  encodeToIds(text: string): Int32Array;
  /** The tokens of a text, without [CLS] and [SEP]. */
  tokenize(text: string): string[];
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** Whether a token goes on with a word. */
  isContinuation(id: number): boolean;
  isSpecial(id: number): boolean;
  /** Writes the tokenizer's files into a directory, which is made where it is missing. */
  save(directory: string): Promise<void>;
}
