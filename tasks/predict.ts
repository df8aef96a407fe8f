/** Predictions of a fine-tuned checkpoint: for a split of a task, the rows of a file, or texts given directly. */
import { glueSplit, glueTask } from '../glue/tasks.js';
import { UsageError } from '../src/data/errors.js';
import { classify } from './classify.js';
import { encodeRows } from './encodeSplit.js';
import { checkedLabelOrder } from './labelMapping.js';
import { loadClassifier, outputNames } from './loadClassifier.js';
import type { Prediction, PredictOptions } from './options.js';
import { readTexts } from './ownData.js';
import { toPredictions } from './predictions.js';
import { glueFolder, loadGlueSplit } from './taskData.js';
import { specOfGlue, type TextPair } from './taskSpec.js';

async function rowsOf(options: PredictOptions): Promise<readonly TextPair[]> {
  if (options.rows !== undefined) return options.rows;
  if (options.file !== undefined) return readTexts(options.file, options);
  if (options.task === undefined) throw new UsageError('nothing to predict', { hint: 'give a task with --data, a --file, a --text, or rows on stdin' });
  const task = glueTask(options.task);
  const split = await loadGlueSplit(glueFolder(options), task, glueSplit(task, options.split ?? 'test'));
  return split.examples.map(({ index, textA, textB }) => ({ index, textA, textB }));
}

/** One prediction a row, in the rows' order; labels by the model's own names or those of `labelOrder`. Errors as those of the readers and of `loadClassifier`. */
export async function predictTask(options: PredictOptions): Promise<Prediction[]> {
  const all = await rowsOf(options);
  const rows = options.maxPredictSamples === undefined ? all : all.slice(0, options.maxPredictSamples);
  const labelOrder = options.labelOrder === undefined ? undefined : checkedLabelOrder(options.labelOrder, options.task === undefined ? undefined : specOfGlue(glueTask(options.task)));
  const { model, tokenizer, maxLength, batchSize } = await loadClassifier(options);
  try {
    const names = outputNames(model, labelOrder);
    const started = performance.now();
    const encoded = await encodeRows(rows, tokenizer, maxLength, undefined, options.signal);
    const output = await classify(model, encoded, batchSize, options.signal);
    const seconds = (performance.now() - started) / 1000;
    options.progress?.({ type: 'note', text: `${rows.length} rows in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s, ${Math.round(rows.length / Math.max(1e-9, seconds))} rows a second, loading not counted` });
    return toPredictions(output, encoded, names);
  } finally {
    model.dispose();
  }
}
