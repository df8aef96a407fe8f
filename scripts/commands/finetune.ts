/** `bertwright finetune`: one task, or the user's own data, from one checkpoint. */
import { UsageError } from '../../src/data/errors.js';
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions, profileOption, runOptions, seedOption } from '../cli/options.js';
import { withProfile } from '../cli/profile.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { finetuneOptions, initOption, initSpec, ownDataOptions, readDataOptions, readAdapter, readHyperparameters, strategy, taskOptions } from '../cli/taskFlags.js';
import { printRun, readRunOptions } from '../cli/trainingRun.js';

export const finetuneCommand: CommandSpec = {
  name: 'finetune',
  summary: 'Fine-tune a checkpoint on a GLUE task or on your own labelled data.',
  options: {
    model: { type: 'string', describe: 'checkpoint folder (Hugging Face layout)', letter: 'm', required: true },
    ...runOptions,
    init: initSpec,
    ...taskOptions,
    'train-file': { type: 'string', describe: 'own training data: .csv, .tsv, .json, .jsonl, .parquet or .arrow with named columns', group: 'Own data' },
    ...ownDataOptions,
    'do-regression': { type: 'boolean', describe: 'labels are numbers to predict', group: 'Own data' },
    file: { type: 'string', describe: 'own rows to predict at the end', group: 'Own data' },
    ...finetuneOptions,
    ...seedOption,
    ...profileOption,
    ...engineOptions,
  },
  examples: [
    ['bertwright finetune --task mrpc --model runs/pretrain --data glue_data --output runs/mrpc', 'one GLUE task'],
    ['bertwright finetune --train-file a.csv --validation-file b.csv --text-column-names title,body --model M -o OUT', 'own data'],
  ],
  async run(settings) {
    if (settings.string('task') === undefined && settings.string('train-file') === undefined) {
      throw new UsageError('finetune: neither --task nor --train-file is given', { hint: 'name a GLUE task (bertwright tasks lists them) or a file of your own rows' });
    }
    const info = await applyEngine(settings, true);
    const quiet = settings.boolean('quiet') === true;
    if (!quiet) console.error(engineLine(info));
    const { finetune } = await import('../../tasks/finetune.js');
    const { createProgress } = await import('../../src/train/progress.js');
    const result = await withProfile(settings, () => abortOnSignals((signal) =>
      finetune({
        ...readRunOptions(settings),
        ...readDataOptions(settings),
        ...readHyperparameters(settings),
        ...readAdapter(settings),
        model: settings.requiredString('model', 'give a checkpoint folder with --model'),
        init: initOption(settings),
        evalStrategy: strategy(settings, 'eval-strategy'),
        saveStrategy: strategy(settings, 'save-strategy'),
        loadBestModelAtEnd: settings.boolean('load-best-model-at-end'),
        metricForBestModel: settings.string('metric-for-best-model'),
        earlyStoppingPatience: settings.number('early-stopping-patience'),
        doPredict: settings.boolean('predict'),
        signal,
        progress: createProgress({ stream: process.stderr, quiet }),
      }),
    ));
    printRun(settings, result);
  },
};
