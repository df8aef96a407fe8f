/** `bertwright predict`: labels or scores for a split, a file, a text, or lines of stdin. */
import { createInterface } from 'node:readline';
import { UsageError } from '../../src/data/errors.js';
import type { TextRow } from '../../tasks/options.js';
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions } from '../cli/options.js';
import type { Settings } from '../cli/settings.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { dataOptions, readDataOptions } from '../cli/taskFlags.js';

export const predictCommand: CommandSpec = {
  name: 'predict',
  summary: 'Predict labels or scores: a test split, a file of rows, one text, or the lines of stdin (a tab separates a pair).',
  options: {
    model: { type: 'string', describe: 'fine-tuned checkpoint folder', letter: 'm', required: true },
    ...dataOptions,
    split: { type: 'string', describe: 'split of the task (default: test)' },
    file: { type: 'string', describe: 'own rows: .csv, .tsv, .json or .jsonl' },
    text: { type: 'string', describe: 'one text' },
    'text-pair': { type: 'string', describe: 'the second text of a pair' },
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
    if (settings.boolean('quiet') !== true) console.error(engineLine(info));
    const { predictTask } = await import('../../tasks/predict.js');
    const predictions = await abortOnSignals((signal) =>
      predictTask({
        ...readDataOptions(settings),
        testFile: undefined,
        model: settings.requiredString('model', 'give a fine-tuned checkpoint with --model'),
        split: settings.string('split'),
        file: settings.string('file'),
        rows,
        maxSeqLength: settings.number('max-seq-length'),
        perDeviceEvalBatchSize: settings.number('per-device-eval-batch-size'),
        signal,
      }),
    );
    const text = predictions.map((prediction) => `${JSON.stringify(prediction)}\n`).join('');
    const output = settings.string('output');
    if (output === undefined) {
      process.stdout.write(settings.boolean('json') === true ? `${JSON.stringify(predictions)}\n` : text);
      return;
    }
    const { writeFileAtomic } = await import('../../src/checkpoint/atomicFile.js');
    await writeFileAtomic(output, text);
    console.log(`${output}: ${predictions.length} rows`);
  },
};

/** Rows from --text or, where neither a task nor a file is named, from stdin. */
async function givenRows(settings: Settings): Promise<readonly TextRow[] | undefined> {
  const text = settings.string('text');
  if (text !== undefined) return [{ textA: text, textB: settings.string('text-pair') }];
  if (settings.string('text-pair') !== undefined) throw new UsageError('--text-pair is given without --text');
  if (settings.string('task') !== undefined || settings.string('file') !== undefined) return undefined;
  if (process.stdin.isTTY === true) throw new UsageError('nothing to predict', { hint: 'give --task, --file, --text, or lines on stdin' });
  const rows: TextRow[] = [];
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    const [textA = '', textB] = line.split('\t');
    rows.push({ textA, textB });
  }
  if (rows.length === 0) throw new UsageError('stdin has no lines', { hint: 'one text a line; a tab separates the two texts of a pair' });
  return rows;
}
