/** `bertwright predict`: labels or scores for a split, a file, a text, or lines of stdin. */
import { UsageError } from '../../src/data/errors.js';
import type { Prediction, PredictOptions, TextRow } from '../../tasks/options.js';
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions } from '../cli/options.js';
import { openOutputFile, printJson, printLine } from '../cli/output.js';
import type { Settings } from '../cli/settings.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { columnOptions, readDataOptions, taskOptions } from '../cli/taskFlags.js';

export const predictCommand: CommandSpec = {
  name: 'predict',
  summary: 'Predict labels or scores: a test split, a file of rows, one text, or the lines of stdin (a tab separates a pair).',
  options: {
    model: { type: 'string', describe: 'fine-tuned checkpoint folder', letter: 'm', required: true },
    ...taskOptions,
    split: { type: 'string', describe: 'split of the task (default: test)' },
    file: { type: 'string', describe: 'own rows: .csv, .tsv, .json, .jsonl, .parquet or .arrow with named columns; .txt: lines as on stdin' },
    ...columnOptions,
    text: { type: 'string', describe: 'one text' },
    'text-pair': { type: 'string', describe: 'the second text of a pair' },
    'label-order': { type: 'list', describe: "labels in the order of the model's outputs, with commas (default: the names in its config.json)" },
    output: { type: 'string', describe: 'JSONL file, a line a row (default: stdout)', letter: 'o' },
    'max-seq-length': { type: 'number', describe: 'longest input in tokens (default: as it was trained)' },
    'per-device-eval-batch-size': { type: 'number', describe: 'sequences in a batch' },
    'max-predict-samples': { type: 'number', describe: 'predict the first N rows' },
    ...engineOptions,
  },
  examples: [
    ['bertwright predict --task rte --model runs/rte --data glue_data --output rte.jsonl', 'the test set'],
    ['bertwright predict --model runs/sst2 --text "a gorgeous film"', 'one text'],
    ['zcat reviews.txt.gz | bertwright predict --model runs/sst2 > labels.jsonl', 'a line a text, as many as there are'],
  ],
  async run(settings) {
    const rows = givenRows(settings);
    const info = await applyEngine(settings, false);
    const quiet = settings.boolean('quiet') === true;
    if (!quiet) console.error(engineLine(info));
    const { createProgress } = await import('../../src/train/progress.js');
    const { predictInWindows } = await import('../../tasks/predict.js');
    await abortOnSignals((signal) =>
      write(
        predictInWindows({
          ...readDataOptions(settings),
          testFile: undefined,
          model: settings.requiredString('model', 'give a fine-tuned checkpoint with --model'),
          split: settings.string('split'),
          file: settings.string('file'),
          rows,
          labelOrder: settings.list('label-order'),
          maxSeqLength: settings.number('max-seq-length'),
          perDeviceEvalBatchSize: settings.number('per-device-eval-batch-size'),
          progress: createProgress({ stream: process.stderr, quiet }),
          signal,
        }),
        settings,
      ),
    );
  },
};

/** A line a prediction as soon as it is there; one JSON list of all with --json, which has to be held until the end. */
async function write(windows: AsyncIterable<Prediction[]>, settings: Settings): Promise<void> {
  const output = settings.string('output');
  if (output !== undefined) return writeFile(windows, output);
  const document: Prediction[] = [];
  for await (const window of windows) {
    if (settings.boolean('json') === true) document.push(...window);
    else for (const prediction of window) printJson(prediction, 0);
  }
  if (settings.boolean('json') === true) printJson(document, 0);
}

async function writeFile(windows: AsyncIterable<Prediction[]>, output: string): Promise<void> {
  const { predictionLines } = await import('../../tasks/predictions.js');
  const file = await openOutputFile(output);
  let count = 0;
  try {
    for await (const window of windows) {
      file.write(predictionLines(window));
      count += window.length;
    }
  } catch (error) {
    file.discard();
    throw error;
  }
  file.commit();
  printLine(`${output}: ${count} rows`);
}

/** Rows from --text or, where neither a task nor a file is named, from stdin. */
function givenRows(settings: Settings): PredictOptions['rows'] {
  const text = settings.string('text');
  if (text !== undefined) return [{ textA: text, textB: settings.string('text-pair') }];
  if (settings.string('text-pair') !== undefined) throw new UsageError('--text-pair is given without --text');
  if (settings.string('task') !== undefined || settings.string('file') !== undefined) return undefined;
  if (process.stdin.isTTY === true) throw new UsageError('nothing to predict', { hint: 'give --task, --file, --text, or lines on stdin' });
  return stdinRows();
}

async function* stdinRows(): AsyncGenerator<TextRow[]> {
  const { lineRows } = await import('../../tasks/lineRows.js');
  yield* lineRows(process.stdin as AsyncIterable<Buffer>, '<stdin>');
}
