/** Predictions of a fine-tuned checkpoint: for a split of a task, the rows of a file, or texts given directly. */
import path from 'node:path';
import { glueSplit, glueTask } from '../glue/tasks.js';
import { UsageError } from '../src/data/errors.js';
import { readFileBytes } from '../src/data/fileBytes.js';
import { classify } from './classify.js';
import { encodeRows } from './encodeSplit.js';
import { checkedLabelOrder } from './labelMapping.js';
import { lineRows, rowWindows } from './lineRows.js';
import { loadClassifier, outputNames, taskOutputs } from './loadClassifier.js';
import type { Prediction, PredictOptions } from './options.js';
import { readTexts } from './ownData.js';
import { toPredictions } from './predictions.js';
import { glueFolder, loadGlueSplit } from './taskData.js';
import { specOfGlue, type TextPair } from './taskSpec.js';

type Stretches = AsyncIterable<readonly TextPair[]> | Iterable<readonly TextPair[]>;

async function rowsOf(options: PredictOptions): Promise<Stretches> {
  const { rows, file } = options;
  if (rows !== undefined) return Symbol.asyncIterator in rows ? rows : [rows];
  if (file !== undefined && path.extname(file).toLowerCase() === '.txt') {
    if (options.textColumnNames !== undefined) throw new UsageError(`${file}: the lines of a .txt file have no columns, but --text-column-names is given`, { hint: 'leave the flag out, or give a .tsv file with a header' });
    return lineRows(readFileBytes(file, 1 << 18), file);
  }
  if (file !== undefined) return [await readTexts(file, options)];
  if (options.task === undefined) throw new UsageError('nothing to predict', { hint: 'give a task with --data, a --file, a --text, or rows on stdin' });
  const task = glueTask(options.task);
  const split = await loadGlueSplit(glueFolder(options), task, glueSplit(task, options.split ?? 'test'));
  return [split.examples.map(({ index, textA, textB }) => ({ index, textA, textB }))];
}

function checkedLimit(count: number | undefined): number {
  if (count !== undefined && (!Number.isInteger(count) || count < 1)) throw new UsageError(`--max-predict-samples is ${count}, expected a whole number above 0`);
  return count ?? Number.POSITIVE_INFINITY;
}

/** Milliseconds between two notes of how far it is. */
const notePeriod = 10_000;

/**
 * The predictions of `predictTask` in stretches, in the rows' order, as soon as each is there: rows that come as a stream, and those of a .txt file,
 * are read no further than the stretch needs, so that any number of them takes the same memory.
 */
export async function* predictInWindows(options: PredictOptions): AsyncGenerator<Prediction[]> {
  const limit = checkedLimit(options.maxPredictSamples);
  const rows = await rowsOf(options);
  const spec = options.task === undefined ? undefined : specOfGlue(glueTask(options.task));
  const labelOrder = options.labelOrder === undefined ? undefined : checkedLabelOrder(options.labelOrder, spec);
  const { model, tokenizer, maxLength, batchSize } = await loadClassifier(options);
  try {
    const own = outputNames(model, labelOrder);
    const classes = spec === undefined ? undefined : taskOutputs(spec, model, own, (text) => options.progress?.({ type: 'note', text }));
    // Of a task in the task's spelling.
    const names = spec === undefined || classes === undefined ? own : own?.map((_, output) => spec.labels[classes.indexOf(output)] ?? '');
    let count = 0;
    let seconds = 0;
    let noted = performance.now();
    const note = (): void => {
      options.progress?.({ type: 'note', text: `${count} rows in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s, ${Math.round(count / Math.max(1e-9, seconds))} rows a second, loading not counted` });
      noted = performance.now();
    };
    for await (const window of rowWindows(rows, limit)) {
      if (count > 0 && performance.now() - noted > notePeriod) note();
      const started = performance.now();
      const encoded = await encodeRows(window, tokenizer, maxLength, undefined, options.signal);
      const predictions = toPredictions(await classify(model, encoded, batchSize, options.signal), encoded, names);
      seconds += (performance.now() - started) / 1000;
      count += window.length;
      yield predictions;
    }
    note();
  } finally {
    model.dispose();
  }
}

/** One prediction a row, in the rows' order; labels by the task's names, without a task by the model's own or those of `labelOrder`. Errors as those of the readers and of `loadClassifier`. */
export async function predictTask(options: PredictOptions): Promise<Prediction[]> {
  const all: Prediction[] = [];
  for await (const window of predictInWindows(options)) all.push(...window);
  return all;
}
