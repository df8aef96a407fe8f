/** `bertwright vocab`: trains a WordPiece vocabulary. */
import { readdir } from 'node:fs/promises';
import { UsageError } from '../../src/data/errors.js';
import { printJson, printLine } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';

export const vocabCommand: CommandSpec = {
  name: 'vocab',
  summary: 'Train a WordPiece vocabulary on a corpus.',
  options: {
    corpus: { type: 'list', describe: 'text files, one sentence or paragraph a line', required: true },
    output: { type: 'string', describe: 'folder for vocab.txt, tokenizer.json, tokenizer_config.json, special_tokens_map.json', letter: 'o', required: true },
    overwrite: { type: 'boolean', describe: 'write also into a folder that holds other files, such as a model' },
    'vocab-size': { type: 'number', describe: 'entries, special tokens included', default: 30522 },
    lowercase: { type: 'boolean', describe: 'fold case and strip accents (--no-lowercase keeps them)', default: true },
    'min-frequency': { type: 'number', describe: 'fewest occurrences of a pair that is merged', default: 2 },
  },
  examples: [['bertwright vocab --corpus a.txt b.txt --vocab-size 8000 --output tokenizer', 'a small uncased vocabulary']],
  async run(settings) {
    const { BertTokenizer, trainVocabulary } = await import('../../src/tokenizer/index.js');
    const { createCountProgress } = await import('../cli/countProgress.js');
    const lowercase = settings.boolean('lowercase') ?? true;
    const output = settings.requiredString('output', 'give a folder with --output');
    if (settings.boolean('overwrite') !== true) await refuseForeignFiles(output);
    const started = performance.now();
    const progress = createCountProgress('vocab', settings.boolean('quiet') === true);
    const vocab = await abortOnSignals((signal) =>
      trainVocabulary({
        files: [...(settings.list('corpus') ?? [])],
        vocabSize: settings.number('vocab-size') ?? 30522,
        lowercase,
        minFrequency: settings.number('min-frequency') ?? 2,
        onProgress: progress.report,
        signal,
      }),
    );
    progress.end();
    const tokenizer = BertTokenizer.fromVocab(vocab, { lowercase });
    await tokenizer.save(output);
    const seconds = (performance.now() - started) / 1000;
    if (settings.boolean('json') === true) printJson({ output, vocabSize: vocab.length, lowercase, seconds });
    else printLine(`${output}: ${vocab.length} entries in ${seconds.toFixed(1)} s`);
  },
};

const tokenizerFiles = new Set(['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']);

/** A model would no longer fit a vocabulary that replaces its own, so only a folder with nothing but a tokenizer is written into. */
async function refuseForeignFiles(folder: string): Promise<void> {
  const others = (await readdir(folder).catch((): string[] => [])).filter((name) => !tokenizerFiles.has(name) && !name.startsWith('.'));
  if (others.length === 0) return;
  throw new UsageError(`${folder} holds other files than a tokenizer's (${others.slice(0, 5).join(', ')}${others.length > 5 ? ', …' : ''})`, { hint: 'choose another --output, or write into it all the same with --overwrite' });
}
