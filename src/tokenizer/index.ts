/** Text to token ids and back, and the training of vocabularies. */
export { AutoTokenizer } from './autoTokenizer.js';
export { BertTokenizer } from './bertTokenizer.js';
export type { BertTokenizerOptions, SpecialTokens } from './bertTokenizerOptions.js';
export type { DecodeOptions, EncodeOptions, Encoding, TextTokenizer, TruncationStrategy } from './types.js';
export { type TrainVocabularyOptions, trainVocabulary, type VocabularyProgress } from './vocabTrainer.js';
export { type AddedWord, type ExtendedVocabulary, type ExtendVocabularyOptions, extendVocabulary } from './vocabExtension.js';
