/** The settings of a BERT tokenizer; which file holds which of them is known to tokenizerFiles.ts alone. */

/** The five special tokens by their role. */
export interface SpecialTokens {
  readonly pad: string;
  readonly unk: string;
  readonly cls: string;
  readonly sep: string;
  readonly mask: string;
}

export const bertSpecialTokens: SpecialTokens = { pad: '[PAD]', unk: '[UNK]', cls: '[CLS]', sep: '[SEP]', mask: '[MASK]' };

export interface BertTokenizerOptions {
  readonly lowercase: boolean;
  /** As `lowercase` unless given. */
  readonly stripAccents?: boolean | undefined;
  /** Default true. */
  readonly tokenizeChineseChars?: boolean | undefined;
  /** Default true. */
  readonly cleanText?: boolean | undefined;
  readonly specialTokens?: SpecialTokens | undefined;
  /** Further tokens that are taken whole out of the raw text and skipped by decode; they must be in the vocabulary. */
  readonly additionalSpecialTokens?: readonly string[] | undefined;
  /** Default '##'. */
  readonly continuingSubwordPrefix?: string | undefined;
  /** Words with more characters become [UNK]; default 100. */
  readonly maxInputCharsPerWord?: number | undefined;
  readonly modelMaxLength?: number | undefined;
}

/** BertTokenizerOptions with every default filled in. */
export interface ResolvedBertTokenizerOptions {
  readonly lowercase: boolean;
  /** undefined: follows `lowercase`, and is written to files so. */
  readonly stripAccents: boolean | undefined;
  readonly tokenizeChineseChars: boolean;
  readonly cleanText: boolean;
  readonly specialTokens: SpecialTokens;
  readonly additionalSpecialTokens: readonly string[];
  readonly continuingSubwordPrefix: string;
  readonly maxInputCharsPerWord: number;
  readonly modelMaxLength: number | undefined;
}
