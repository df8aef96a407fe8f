/** `bertwright evaluate`: a checkpoint's metrics on one split. */
import type { Slice } from '../../tasks/slices.js';
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions } from '../cli/options.js';
import { printJson, printLine, writeOutputFile } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { tableLines } from '../cli/table.js';
import { ownDataOptions, readDataOptions, taskOptions } from '../cli/taskFlags.js';
import { terminalText } from '../cli/terminalText.js';

export const evaluateCommand: CommandSpec = {
  name: 'evaluate',
  summary: 'Score a fine-tuned checkpoint on a labelled split.',
  options: {
    model: { type: 'string', describe: 'fine-tuned checkpoint folder', letter: 'm', required: true },
    ...taskOptions,
    ...ownDataOptions,
    split: { type: 'string', describe: 'dev, dev_mismatched, train; also validation, validation_matched, … (default: dev, for MNLI both dev sets)' },
    'label-order': { type: 'list', describe: "the task's labels in the order of the model's outputs, with commas (default: by the names in its config.json)" },
    slices: { type: 'list', describe: 'the metrics also on parts of the rows: length, label, overlap (of the words of a pair), negation' },
    output: { type: 'string', describe: 'JSON file for the metrics', letter: 'o' },
    'max-seq-length': { type: 'number', describe: 'longest input in tokens (default: as it was trained)' },
    'per-device-eval-batch-size': { type: 'number', describe: 'sequences in a batch' },
    'max-eval-samples': { type: 'number', describe: 'score the first N rows' },
    ...engineOptions,
  },
  examples: [
    ['bertwright evaluate --task mrpc --model runs/mrpc --data glue_data', 'metrics on the dev set'],
    ['bertwright evaluate --task mnli --model mnli-bert --data glue_data --label-order contradiction,entailment,neutral', 'a checkpoint that calls its labels LABEL_0, LABEL_1, …'],
    ['bertwright evaluate --task mnli --model runs/mnli --data glue_data --slices length,overlap,negation', 'where it does well and where not'],
    ['bertwright evaluate --validation-file dev.csv --model runs/own', 'metrics on your own labelled rows'],
  ],
  async run(settings) {
    const info = await applyEngine(settings, false);
    const quiet = settings.boolean('quiet') === true;
    if (!quiet) console.error(engineLine(info));
    const { evaluateTask } = await import('../../tasks/evaluate.js');
    const { createProgress } = await import('../../src/train/progress.js');
    const metrics = await abortOnSignals((signal) =>
      evaluateTask({
        ...readDataOptions(settings),
        model: settings.requiredString('model', 'give a fine-tuned checkpoint with --model'),
        split: settings.string('split'),
        labelOrder: settings.list('label-order'),
        slices: settings.list('slices'),
        maxSeqLength: settings.number('max-seq-length'),
        perDeviceEvalBatchSize: settings.number('per-device-eval-batch-size'),
        signal,
        progress: createProgress({ stream: process.stderr, quiet }),
      }),
    );
    const { warnings } = metrics;
    // Notes of progress say it too, but for a quiet command.
    if (quiet && Array.isArray(warnings)) for (const warning of warnings) console.error(`warning: ${terminalText(String(warning))}`);
    const output = settings.string('output');
    if (output !== undefined) await writeOutputFile(output, `${JSON.stringify(metrics, undefined, 2)}\n`);
    if (settings.boolean('json') === true) printJson(metrics);
    else {
      for (const [name, value] of Object.entries(metrics)) {
        if (typeof value === 'number') printLine(`${name}  ${Number(value.toFixed(4))}`);
        else if (typeof value === 'string') printLine(`${name}  ${value}`);
      }
      const slices = metrics['slices'];
      if (Array.isArray(slices)) for (const line of sliceTable(slices as unknown as readonly PrintedSlice[])) printLine(line);
    }
  },
};

type PrintedSlice = Slice & { readonly split?: string };

/** A line a slice: its rows and metrics; `*` marks a metric that is undefined there. */
function sliceTable(slices: readonly PrintedSlice[]): string[] {
  const metrics = [...new Set(slices.flatMap((slice) => Object.keys(slice.metrics)))];
  const value = (slice: PrintedSlice, metric: string): string => `${slice.metrics[metric]?.toFixed(4) ?? '-'}${slice.undefinedMetrics.includes(metric) ? '*' : ''}`;
  return tableLines(['slice', 'rows', ...metrics], slices.map((slice) => [`${slice.kind}: ${slice.name}${slice.split === undefined ? '' : ` (${slice.split})`}`, String(slice.rows), ...metrics.map((metric) => value(slice, metric))]));
}
