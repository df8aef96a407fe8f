/** Times the tokenizer and the training of a vocabulary on text files. */
import { readTextLines } from '../../src/data/textLines.js';
import { AutoTokenizer, BertTokenizer, type TextTokenizer, trainVocabulary } from '../../src/tokenizer/index.js';
import { median } from './measurements.js';

export interface TokenizerResult {
  readonly files: readonly string[];
  /** Of text, in millions of bytes as UTF-8. */
  readonly megabytes: number;
  readonly tokens: number;
  readonly vocabSize: number;
  readonly runs: number;
  readonly medianMs: number;
  readonly bestMs: number;
  readonly megabytesPerSecond: number;
  readonly tokensPerSecond: number;
}

export interface VocabularyResult {
  readonly files: readonly string[];
  readonly megabytes: number;
  readonly vocabSize: number;
  readonly runs: number;
  readonly seconds: number;
  readonly bestSeconds: number;
  readonly megabytesPerSecond: number;
}

/** Entries of the vocabulary that is trained where no tokenizer is given. */
const ownVocabSize = 8000;

async function readLines(files: readonly string[]): Promise<{ readonly lines: readonly string[]; readonly megabytes: number }> {
  const lines: string[] = [];
  for (const file of files) for await (const block of readTextLines(file)) for (const line of block.lines) lines.push(line);
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { lines, megabytes: bytes / 1e6 };
}

/**
 * Token ids of every line, with a fresh tokenizer in each run, since a tokenizer remembers the words it has seen.
 * @param folder of a tokenizer; without one, a vocabulary is trained on the files first
 */
export async function measureTokenizer(files: readonly string[], folder: string | undefined, runs: number): Promise<TokenizerResult> {
  const { lines, megabytes } = await readLines(files);
  const vocab = folder === undefined ? await trainVocabulary({ files, vocabSize: ownVocabSize, lowercase: true }) : [];
  const fresh = async (): Promise<TextTokenizer> => (folder === undefined ? BertTokenizer.fromVocab(vocab, { lowercase: true }) : AutoTokenizer.fromPretrained(folder));
  const times: number[] = [];
  let tokens = 0;
  let vocabSize = 0;
  // The first run warms the code up.
  for (let run = 0; run <= runs; run++) {
    const tokenizer = await fresh();
    ({ vocabSize } = tokenizer);
    tokens = 0;
    const begun = performance.now();
    for (const line of lines) tokens += tokenizer.encodeToIds(line).length;
    if (run > 0) times.push(performance.now() - begun);
  }
  const medianMs = median(times);
  return { files, megabytes, tokens, vocabSize, runs, medianMs, bestMs: Math.min(...times), megabytesPerSecond: (megabytes * 1000) / medianMs, tokensPerSecond: (tokens * 1000) / medianMs };
}

/** Training of a vocabulary of `vocabSize` entries, from the files to the list. */
export async function measureVocabulary(files: readonly string[], vocabSize: number, runs: number): Promise<VocabularyResult> {
  const { megabytes } = await readLines(files);
  const times: number[] = [];
  let entries = 0;
  for (let run = 0; run < runs; run++) {
    const begun = performance.now();
    entries = (await trainVocabulary({ files, vocabSize, lowercase: true })).length;
    times.push((performance.now() - begun) / 1000);
  }
  const seconds = median(times);
  return { files, megabytes, vocabSize: entries, runs, seconds, bestSeconds: Math.min(...times), megabytesPerSecond: megabytes / seconds };
}
