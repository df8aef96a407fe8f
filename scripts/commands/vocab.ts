/** `bertwright vocab`: trains a WordPiece vocabulary. */
import type { CommandSpec } from '../cli/spec.js';
import { abortOnSignals } from '../cli/signals.js';

export const vocabCommand: CommandSpec = {
  name: 'vocab',
  summary: 'Train a WordPiece vocabulary on a corpus.',
  options: {
    corpus: { type: 'list', describe: 'text files, one sentence or paragraph a line', required: true },
    output: { type: 'string', describe: 'folder for vocab.txt, tokenizer.json, tokenizer_config.json, special_tokens_map.json', letter: 'o', required: true },
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
    if (settings.boolean('json') === true) console.log(JSON.stringify({ output, vocabSize: vocab.length, lowercase, seconds }));
    else console.log(`${output}: ${vocab.length} entries in ${seconds.toFixed(1)} s`);
  },
};
