/** `bertwright pretrain`: masked-language-model and next-sentence pretraining. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../src/data/errors.js';
import { optimizerKinds } from '../../src/optim/optimizerKinds.js';
import { parseDuration } from '../cli/duration.js';
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions, profileOption, runOptions, seedOption, trainingOptions } from '../cli/options.js';
import { withProfile } from '../cli/profile.js';
import type { Settings } from '../cli/settings.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { terminalText } from '../cli/terminalText.js';
import { oneOf, readTextFormat, textFormatOptions } from '../cli/textFormat.js';
import { printRun, readOptimization, readRunOptions } from '../cli/trainingRun.js';

const masking = 'Masking';

const recipeFolder = fileURLToPath(new URL('../../../pretraining/recipes', import.meta.url));

export const pretrainCommand: CommandSpec = {
  name: 'pretrain',
  summary: 'Pretrain an encoder on a corpus: masked language model, with next-sentence prediction unless told otherwise.',
  options: {
    data: { type: 'string', describe: 'corpus prepared by `prepare`' },
    corpus: { type: 'list', describe: 'or text files, prepared on the way: one sentence a line, a blank line between documents' },
    tokenizer: { type: 'string', describe: 'with --corpus: tokenizer folder' },
    recipe: {
      type: 'string',
      describe: 'settings that trials found for a model and a time; flags on the command line win',
      settingsIn: recipeFolder,
      // Read when they are asked for: other commands start without them.
      get choices() {
        return readdirSync(recipeFolder).flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []));
      },
    },
    'model-config': { type: 'string', describe: 'tiny, mini, small, medium, base, large, minilm-l6, minilm-l12, or a config.json (default: tiny)' },
    'config-overrides': { type: 'list', describe: 'changes to the model configuration by the keys of config.json: hidden_dropout_prob=0,initializer_range=0.05' },
    model: { type: 'string', describe: 'checkpoint to go on from', letter: 'm' },
    ...runOptions,
    'time-budget': { type: 'string', describe: 'train for this long (45m, 1.5h); the learning rate is scheduled over it' },
    stages: { type: 'list', describe: 'instead of --max-seq-length: parts of the run as LENGTH:SHARE (128:0.9,512:0.1), of its steps or of the time budget' },
    'max-seq-length': { type: 'number', describe: 'longest sequence in tokens (default: as prepared, else 128)' },
    'next-sentence': { type: 'string', describe: 'second task (default: as prepared, else nsp)', choices: ['nsp', 'sop', 'none'] },
    'short-seq-prob': { type: 'number', describe: 'share of deliberately shorter sequences (default: 0.1)' },
    'validation-split-percentage': { type: 'number', describe: 'with --corpus: documents held out, in percent (default: 1)' },
    'mlm-probability': { type: 'number', describe: 'share of tokens to predict (default: 0.15)', group: masking },
    'eval-mlm-probability': { type: 'number', describe: 'the same on held-out text (default: 0.15)', group: masking },
    'mask-replace-prob': { type: 'number', describe: 'of those, share replaced by [MASK] (default: 0.8)', group: masking },
    'random-replace-prob': { type: 'number', describe: 'of those, share replaced by a random token (default: 0.1)', group: masking },
    'whole-word-masking': { type: 'boolean', describe: "mask all pieces of a word together", group: masking },
    'span-masking': { type: 'boolean', describe: 'mask spans of one to ten whole words, each span by one draw (SpanBERT)', group: masking },
    optimizer: { type: 'string', describe: 'adamw corrects the bias of its moments, adamw-bert does not; lamb is for batches of thousands (default: adamw)', choices: [...optimizerKinds], group: 'Training' },
    ...trainingOptions,
    'min-lr-ratio': { type: 'number', describe: 'what the learning rate comes down to, as a share of its peak (default: 0)', group: 'Training' },
    prefetch: { type: 'boolean', describe: 'make batches ahead of time in a worker thread (default: unless the run is short; the batches are the same)', group: 'Training' },
    'max-eval-samples': { type: 'number', describe: 'held-out examples of an evaluation (default: 2000)', group: 'Training' },
    ...textFormatOptions,
    ...seedOption,
    ...profileOption,
    ...engineOptions,
  },
  examples: [
    ['bertwright pretrain --corpus a.txt --tokenizer tokenizer --model-config mini --time-budget 45m -o runs/mini', 'text to checkpoint'],
    ['bertwright pretrain --data prepared --model runs/mini --max-steps 1000 -o runs/mini-2', 'go on from a checkpoint'],
  ],
  async run(settings) {
    if (settings.string('data') === undefined && settings.list('corpus') === undefined) {
      throw new UsageError('pretrain: neither --data nor --corpus is given', { hint: 'give a folder made by `bertwright prepare`, or text files with --corpus and --tokenizer' });
    }
    const budget = settings.string('time-budget');
    const timeBudgetSeconds = budget === undefined ? undefined : parseDuration(budget, '--time-budget');
    const quiet = settings.boolean('quiet') === true;
    const info = await applyEngine(settings, true);
    if (!quiet) console.error(engineLine(info));
    const { pretrain } = await import('../../pretraining/pretrain.js');
    const { parseStages } = await import('../../pretraining/stages.js');
    const { createProgress } = await import('../../src/train/progress.js');
    const stages = settings.list('stages');
    const result = await withProfile(settings, () => abortOnSignals((signal) =>
      pretrain({
        ...readRunOptions(settings),
        ...readOptimization(settings),
        data: settings.string('data'),
        corpus: settings.list('corpus'),
        tokenizer: settings.string('tokenizer'),
        modelConfig: settings.string('model-config'),
        configOverrides: settings.list('config-overrides'),
        model: settings.string('model'),
        maxSeqLength: settings.number('max-seq-length'),
        nextSentence: oneOf(['nsp', 'sop', 'none'], settings.string('next-sentence')),
        shortSeqProb: settings.number('short-seq-prob'),
        validationSplitPercentage: settings.number('validation-split-percentage'),
        textFormat: readTextFormat(settings),
        mlmProbability: settings.number('mlm-probability'),
        evalMlmProbability: settings.number('eval-mlm-probability'),
        maskReplaceProb: settings.number('mask-replace-prob'),
        randomReplaceProb: settings.number('random-replace-prob'),
        maskingUnit: maskingUnit(settings),
        stages: stages === undefined ? undefined : parseStages(stages),
        minLrRatio: settings.number('min-lr-ratio'),
        prefetch: settings.boolean('prefetch'),
        timeBudgetSeconds,
        maxEvalSamples: settings.number('max-eval-samples'),
        signal,
        progress: createProgress({ stream: process.stderr, quiet }),
      }),
    ));
    const { warnings } = result.results;
    // With progress on, the run itself has said them.
    if (quiet && Array.isArray(warnings)) for (const warning of warnings) console.error(`warning: ${terminalText(String(warning))}`);
    printRun(settings, result);
  },
};

function maskingUnit(settings: Settings): 'span' | 'word' | undefined {
  const [span, word] = [settings.boolean('span-masking') === true, settings.boolean('whole-word-masking') === true];
  if (span && word) throw new UsageError('both --span-masking and --whole-word-masking are given; expected one of them', { hint: 'spans are of whole words' });
  return span ? 'span' : word ? 'word' : undefined;
}
