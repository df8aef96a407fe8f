/** `bertwright prepare`: tokenizes a corpus once, into Arrow shards. */
import { createCountProgress } from '../cli/countProgress.js';
import { printJson, printLine } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { terminalText } from '../cli/terminalText.js';

export const prepareCommand: CommandSpec = {
  name: 'prepare',
  summary: 'Tokenize a corpus into Arrow shards that pretraining reads.',
  options: {
    corpus: { type: 'list', describe: 'text files (.gz too): one sentence a line, a blank line between documents', required: true },
    tokenizer: { type: 'string', describe: 'tokenizer folder (as `vocab` writes it)', required: true },
    output: { type: 'string', describe: 'folder for the prepared corpus', letter: 'o', required: true },
    overwrite: { type: 'boolean', describe: 'replace what the folder holds' },
    'max-seq-length': { type: 'number', describe: 'longest sequence, special tokens included', default: 128 },
    'next-sentence': { type: 'string', describe: 'second task: nsp (next sentence), sop (sentence order), none', choices: ['nsp', 'sop', 'none'], default: 'nsp' },
    'short-seq-prob': { type: 'number', describe: 'share of deliberately shorter sequences', default: 0.1 },
    'validation-split-percentage': { type: 'number', describe: 'whole documents held out for evaluation', default: 1 },
    masking: { type: 'string', describe: 'dynamic: new pairs and masks each epoch; static: the same ones over and over', choices: ['dynamic', 'static'], default: 'dynamic' },
    'dupe-factor': { type: 'number', describe: 'with static masks: how many versions of the text there are (default: 10)' },
  },
  examples: [['bertwright prepare --corpus corpus/*.txt --tokenizer tokenizer --output prepared', 'once, for many pretraining runs']],
  async run(settings) {
    const { prepare } = await import('../../pretraining/prepare.js');
    const { AutoTokenizer } = await import('../../src/tokenizer/index.js');
    const quiet = settings.boolean('quiet') === true;
    const progress = createCountProgress('prepare', quiet);
    const nextSentence = settings.string('next-sentence');
    const output = settings.requiredString('output', 'give a folder with --output');
    const tokenizer = await AutoTokenizer.fromPretrained(settings.requiredString('tokenizer', 'give a tokenizer folder with --tokenizer'));
    const { manifest, reused } = await abortOnSignals((signal) =>
      prepare({
        corpus: settings.list('corpus') ?? [],
        tokenizer,
        output,
        maxSeqLength: settings.number('max-seq-length'),
        nextSentence: nextSentence === 'nsp' || nextSentence === 'sop' || nextSentence === 'none' ? nextSentence : undefined,
        shortSeqProb: settings.number('short-seq-prob'),
        validationSplitPercentage: settings.number('validation-split-percentage'),
        masking: settings.string('masking') === 'static' ? 'static' : 'dynamic',
        dupeFactor: settings.number('dupe-factor'),
        overwrite: settings.boolean('overwrite'),
        progress: ({ bytes, totalBytes }) => progress.report({ stage: 'tokenizing', done: bytes, total: totalBytes }),
        note: (text) => {
          if (!quiet) console.error(terminalText(text));
        },
        signal,
      }),
    );
    progress.end();
    if (settings.boolean('json') === true) printJson({ output, reused, ...manifest });
    else {
      const { counts } = manifest;
      printLine(`${output}: ${counts.documents} documents, ${counts.sentences} sentences, ${counts.tokens} tokens${reused ? ' (already prepared)' : ''}`);
    }
  },
};
