/** `bertwright predict`: labels or scores for a split, a file, a text, or lines of stdin. */
import { decodeUtf8 } from '../../glue/readTsv.js';
import { DataError, UsageError } from '../../src/data/errors.js';
import type { TextRow } from '../../tasks/options.js';
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions } from '../cli/options.js';
import { printJson, printLine, writeOutputFile } from '../cli/output.js';
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
    file: { type: 'string', describe: 'own rows: .csv, .tsv, .json, .jsonl, .parquet or .arrow' },
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
  ],
  async run(settings) {
    const rows = await givenRows(settings);
    const info = await applyEngine(settings, false);
    const quiet = settings.boolean('quiet') === true;
    if (!quiet) console.error(engineLine(info));
    const { createProgress } = await import('../../src/train/progress.js');
    const { predictTask } = await import('../../tasks/predict.js');
    const predictions = await abortOnSignals((signal) =>
      predictTask({
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
    );
    const output = settings.string('output');
    if (output === undefined) {
      if (settings.boolean('json') === true) printJson(predictions, 0);
      else for (const prediction of predictions) printJson(prediction, 0);
      return;
    }
    const { predictionLines } = await import('../../tasks/predictions.js');
    await writeOutputFile(output, predictionLines(predictions));
    printLine(`${output}: ${predictions.length} rows`);
  },
};

/** Rows from --text or, where neither a task nor a file is named, from stdin. */
async function givenRows(settings: Settings): Promise<readonly TextRow[] | undefined> {
  const text = settings.string('text');
  if (text !== undefined) return [{ textA: text, textB: settings.string('text-pair') }];
  if (settings.string('text-pair') !== undefined) throw new UsageError('--text-pair is given without --text');
  if (settings.string('task') !== undefined || settings.string('file') !== undefined) return undefined;
  if (process.stdin.isTTY === true) throw new UsageError('nothing to predict', { hint: 'give --task, --file, --text, or lines on stdin' });
  return stdinRows(await collect(process.stdin));
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A row a line, an empty line too, so that the n-th prediction is that of the n-th line. Throws a DataError for bad UTF-8 and a second tab. */
function stdinRows(bytes: Buffer): TextRow[] {
  const file = '<stdin>';
  const lines = decodeUtf8(bytes, file).split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new UsageError('stdin has no lines', { hint: 'one text a line; a tab separates the two texts of a pair' });
  return lines.map((line, i) => {
    const [textA = '', textB, ...more] = line.replace(/\r$/, '').split('\t');
    if (more.length > 0) throw new DataError(`${more.length + 2} tab-separated texts, expected one or two`, { location: { file, line: i + 1 } });
    return { textA, textB };
  });
}
