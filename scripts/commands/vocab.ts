/** `bertwright vocab`: trains a WordPiece vocabulary, or adds words to a tokenizer and its model. */
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../src/data/errors.js';
import type { CountEvent } from '../cli/countProgress.js';
import { printJson, printLine } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { Settings } from '../cli/settings.js';
import type { CommandSpec } from '../cli/spec.js';
import { terminalText } from '../cli/terminalText.js';

export const vocabCommand: CommandSpec = {
  name: 'vocab',
  summary: 'Train a WordPiece vocabulary on a corpus, or add words of a new domain to a tokenizer and its model.',
  options: {
    corpus: { type: 'list', describe: 'text files or quoted patterns with * and **; .gz, .zst and .jsonl too', required: true },
    'text-key': { type: 'string', describe: 'key of the text in .jsonl records (default: text)' },
    output: { type: 'string', describe: 'folder for vocab.txt, tokenizer.json, tokenizer_config.json, special_tokens_map.json', letter: 'o', required: true },
    overwrite: { type: 'boolean', describe: 'write also into a folder that holds other files, such as a model' },
    'vocab-size': { type: 'number', describe: 'entries, special tokens included', default: 30522 },
    lowercase: { type: 'boolean', describe: 'fold case and strip accents (--no-lowercase keeps them)', default: true },
    'min-frequency': { type: 'number', describe: 'fewest occurrences of a pair that is merged; with --extend, of a word that is added', default: 2 },
    'limit-alphabet': { type: 'number', describe: 'most distinct characters; of more, the rarest are dropped', default: 1000 },
    extend: { type: 'string', describe: 'folder of a tokenizer, or of a model with one: write it to --output with words of the corpus added, their embeddings the mean of their old pieces’' },
    add: { type: 'number', describe: 'with --extend: how many words, those that save most pieces' },
    threads: { type: 'number', describe: 'threads that count words (default: as many as affinity, CPU quota and physical cores allow)' },
  },
  examples: [
    ['bertwright vocab --corpus a.txt b.txt --vocab-size 8000 --output tokenizer', 'a small uncased vocabulary'],
    ['bertwright vocab --extend bert-base-uncased --add 500 --corpus medicine.txt --output bert-medicine', '500 words of a new domain for a model that is to be pretrained further'],
  ],
  async run(settings) {
    const output = settings.requiredString('output', 'give a folder with --output');
    const extended = settings.string('extend');
    checkModes(settings, extended);
    if (settings.boolean('overwrite') !== true) await refuseForeignFiles(output, extended === undefined ? tokenizerFiles : new Set([...tokenizerFiles, ...modelFiles]));
    if (extended === undefined) await train(settings, output);
    else await extend(settings, extended, output);
  },
};

/** What both modes need of a corpus, with progress and signals. */
async function withCorpus<T>(settings: Settings, work: (options: { files: readonly string[]; textKey: string | undefined; threads: number; onProgress: (event: CountEvent) => void; signal: AbortSignal }) => Promise<T>): Promise<T> {
  const { createCountProgress } = await import('../cli/countProgress.js');
  const { chooseThreads } = await import('../../src/engine/threads.js');
  const { findInputFiles } = await import('../../pretraining/prepare/inputFiles.js');
  const { threads } = chooseThreads(settings.number('threads'));
  const files = (await findInputFiles(settings.list('corpus') ?? [])).map(({ file }) => file);
  const progress = createCountProgress('vocab', settings.boolean('quiet') === true);
  try {
    return await abortOnSignals((signal) => work({ files, textKey: settings.string('text-key'), threads, onProgress: progress.report, signal }));
  } finally {
    progress.end();
  }
}

async function train(settings: Settings, output: string): Promise<void> {
  const { BertTokenizer, trainVocabulary } = await import('../../src/tokenizer/index.js');
  const lowercase = settings.boolean('lowercase') ?? true;
  const started = performance.now();
  const vocab = await withCorpus(settings, (corpus) =>
    trainVocabulary({
      ...corpus,
      vocabSize: settings.number('vocab-size') ?? 30522,
      lowercase,
      minFrequency: settings.number('min-frequency'),
      limitAlphabet: settings.number('limit-alphabet'),
    }),
  );
  await BertTokenizer.fromVocab(vocab, { lowercase }).save(output);
  const seconds = (performance.now() - started) / 1000;
  if (settings.boolean('json') === true) printJson({ output, vocabSize: vocab.length, lowercase, seconds });
  else printLine(`${output}: ${vocab.length} entries in ${seconds.toFixed(1)} s`);
}

async function extend(settings: Settings, directory: string, output: string): Promise<void> {
  const { BertTokenizer, extendVocabulary } = await import('../../src/tokenizer/index.js');
  const before = await BertTokenizer.fromPretrained(directory);
  if (await sameFolder(directory, output)) throw new UsageError(`--output ${output} is the folder that is extended`, { hint: 'choose another --output: the old model stays as it is' });
  const started = performance.now();
  const { tokenizer, added } = await withCorpus(settings, (corpus) =>
    extendVocabulary(before, { ...corpus, add: settings.number('add') ?? 0, minFrequency: settings.number('min-frequency') }),
  );
  const { extendCheckpoint, holdsModel } = await import('../../src/models/vocabularyExtension.js');
  const embeddingRows = holdsModel(directory) ? extendCheckpoint(directory, output, before.vocabSize, added.map(({ pieces }) => pieces)) : undefined;
  await tokenizer.save(output);
  const seconds = (performance.now() - started) / 1000;
  if (settings.boolean('json') === true) {
    printJson({ output, vocabSize: tokenizer.vocabSize, ...(embeddingRows === undefined ? {} : { embeddingRows }), added: added.map(({ word, count }) => ({ word, count })), seconds });
    return;
  }
  const words = added.slice(0, 10).map(({ word }) => word);
  printLine(terminalText(`${output}: ${tokenizer.vocabSize} entries, ${added.length} of them new (${words.join(', ')}${added.length > words.length ? ', …' : ''}), in ${seconds.toFixed(1)} s`));
  if (embeddingRows !== undefined) printLine(`model.safetensors: word embeddings of ${embeddingRows} rows`);
}

/** Flags of the one mode mean nothing in the other. */
function checkModes(settings: Settings, extended: string | undefined): void {
  const typed = (names: readonly string[]): string | undefined => settings.explain(names).find(({ origin }) => origin !== 'default' && origin !== 'not set')?.name;
  if (extended === undefined) {
    const stray = typed(['add']);
    if (stray !== undefined) throw new UsageError(`--${stray} needs --extend`, { hint: 'name the folder of the tokenizer or model with --extend' });
    return;
  }
  if (settings.number('add') === undefined) throw new UsageError('--add is missing', { hint: 'say with --add how many words --extend may add' });
  const stray = typed(['vocab-size', 'lowercase', 'limit-alphabet']);
  if (stray !== undefined) throw new UsageError(`--${stray} has no meaning with --extend: the tokenizer in ${extended} settles it`);
}

async function sameFolder(a: string, b: string): Promise<boolean> {
  const real = (folder: string): Promise<string> => realpath(folder).catch(() => path.resolve(folder));
  return (await real(a)) === (await real(b));
}

const tokenizerFiles: ReadonlySet<string> = new Set(['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']);
const modelFiles: readonly string[] = ['config.json', 'model.safetensors'];

/** What the folder holds may no longer fit what replaces a part of it, so only one with nothing but the files to be written is written into. */
async function refuseForeignFiles(folder: string, written: ReadonlySet<string>): Promise<void> {
  const others = (await readdir(folder).catch((): string[] => [])).filter((name) => !written.has(name) && !name.startsWith('.'));
  if (others.length === 0) return;
  throw new UsageError(`${folder} holds other files than ${written === tokenizerFiles ? "a tokenizer's" : 'those to be written'} (${others.slice(0, 5).join(', ')}${others.length > 5 ? ', …' : ''})`, { hint: 'choose another --output, or write into it all the same with --overwrite' });
}
