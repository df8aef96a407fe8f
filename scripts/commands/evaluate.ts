/** `bertwright evaluate`: a checkpoint's metrics on one split. */
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions } from '../cli/options.js';
import { printJson, printLine, writeOutputFile } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { ownDataOptions, readDataOptions, taskOptions } from '../cli/taskFlags.js';

export const evaluateCommand: CommandSpec = {
  name: 'evaluate',
  summary: 'Score a fine-tuned checkpoint on a labelled split.',
  options: {
    model: { type: 'string', describe: 'fine-tuned checkpoint folder', letter: 'm', required: true },
    ...taskOptions,
    ...ownDataOptions,
    split: { type: 'string', describe: 'dev, dev_mismatched, train; also validation, validation_matched, … (default: dev, for MNLI both dev sets)' },
    output: { type: 'string', describe: 'JSON file for the metrics', letter: 'o' },
    'max-seq-length': { type: 'number', describe: 'longest input in tokens (default: as it was trained)' },
    'per-device-eval-batch-size': { type: 'number', describe: 'sequences in a batch' },
    'max-eval-samples': { type: 'number', describe: 'score the first N rows' },
    ...engineOptions,
  },
  examples: [
    ['bertwright evaluate --task mrpc --model runs/mrpc --data glue_data', 'metrics on the dev set'],
    ['bertwright evaluate --validation-file dev.csv --model runs/own', 'metrics on your own labelled rows'],
  ],
  async run(settings) {
    const info = await applyEngine(settings, false);
    if (settings.boolean('quiet') !== true) console.error(engineLine(info));
    const { evaluateTask } = await import('../../tasks/evaluate.js');
    const metrics = await abortOnSignals((signal) =>
      evaluateTask({
        ...readDataOptions(settings),
        model: settings.requiredString('model', 'give a fine-tuned checkpoint with --model'),
        split: settings.string('split'),
        maxSeqLength: settings.number('max-seq-length'),
        perDeviceEvalBatchSize: settings.number('per-device-eval-batch-size'),
        signal,
      }),
    );
    const output = settings.string('output');
    if (output !== undefined) await writeOutputFile(output, `${JSON.stringify(metrics, undefined, 2)}\n`);
    if (settings.boolean('json') === true) printJson(metrics);
    else {
      for (const [name, value] of Object.entries(metrics)) {
        if (typeof value === 'number') printLine(`${name}  ${Number(value.toFixed(4))}`);
        else if (typeof value === 'string') printLine(`${name}  ${value}`);
      }
    }
  },
};
