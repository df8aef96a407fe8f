/** Recipes that are a grid: each point is a run of its own below `trials/`, the best on dev becomes the result. */
import { cp, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { readRunRecord } from '../src/checkpoint/outputDirectory.js';
import { acquireLock } from '../src/checkpoint/runLock.js';
import { NonFiniteError, UsageError } from '../src/data/errors.js';
import { classify } from './classify.js';
import { encodeSplit } from './encodeSplit.js';
import { labelNames } from './finetuneJob.js';
import { loadClassifier } from './loadClassifier.js';
import type { FinetuneOptions, FinetuneResult } from './options.js';
import { toPredictions, writePredictionFiles } from './predictions.js';
import { recipe } from './recipes.js';
import { loadTaskData } from './taskData.js';

const trialsFile = 'trials.json';

export interface GridPoint {
  readonly learningRate: number;
  /** Undefined where the batch is measured in tokens. */
  readonly perDeviceTrainBatchSize: number | undefined;
}

/** The points of the recipe's grid; what the options set is not searched. Empty for a recipe without a grid. */
export function gridPoints(options: FinetuneOptions): GridPoint[] {
  const grid = options.recipe === undefined ? undefined : recipe(options.recipe).grid;
  if (grid === undefined) return [];
  const rates = options.learningRate === undefined ? grid.learningRate : [options.learningRate];
  const sizes = options.perDeviceTrainBatchSize === undefined && options.tokensPerBatch === undefined ? grid.perDeviceTrainBatchSize : [options.perDeviceTrainBatchSize];
  return sizes.flatMap((perDeviceTrainBatchSize) => rates.map((learningRate) => ({ learningRate, perDeviceTrainBatchSize })));
}

interface Trial extends GridPoint {
  readonly directory: string;
  /** The metric that picks; undefined where the run broke with a NaN. */
  readonly value: number | undefined;
}

/**
 * Runs every point (finished ones are taken as they are), copies the best run's files into the output directory, and predicts
 * the test files with it. trials.json lists all points. A point that diverges counts as the worst; if all do, the last error is thrown.
 */
export async function finetuneGrid(options: FinetuneOptions, points: readonly GridPoint[], run: (options: FinetuneOptions) => Promise<FinetuneResult>): Promise<FinetuneResult> {
  await mkdir(options.output, { recursive: true });
  const lock = await acquireLock(options.output);
  try {
    await refuseOtherRun(options);
    const trials: Trial[] = [];
    let best: { readonly trial: Trial; readonly result: FinetuneResult; readonly value: number } | undefined;
    let lastError: unknown;
    for (const [i, point] of points.entries()) {
      const batch = point.perDeviceTrainBatchSize ?? `${options.tokensPerBatch}-tokens`;
      const directory = path.join(options.output, 'trials', `lr-${point.learningRate}_batch-${batch}`);
      options.progress?.({ type: 'note', text: `trial ${i + 1} of ${points.length}: learning rate ${point.learningRate}, batch ${batch}` });
      try {
        const result = await run({ ...options, ...point, output: directory, doPredict: false });
        const metric = String((await readRunRecord(directory))?.settings['metricForBestModel']);
        const found = result.results[`eval_${metric}`];
        const value = typeof found === 'number' ? (metric === 'loss' ? -found : found) : Number.NEGATIVE_INFINITY;
        const trial: Trial = { ...point, directory: path.relative(options.output, directory), value: typeof found === 'number' ? found : undefined };
        trials.push(trial);
        if (best === undefined || value > best.value) best = { trial, result, value };
      } catch (error) {
        if (!(error instanceof NonFiniteError)) throw error;
        lastError = error;
        trials.push({ ...point, directory: path.relative(options.output, directory), value: undefined });
        options.progress?.({ type: 'note', text: `diverged: ${error.message}` });
      }
    }
    if (best === undefined) throw lastError;
    const chosen = path.join(options.output, best.trial.directory);
    await cp(chosen, options.output, { recursive: true, filter: (source) => path.basename(source) !== '.lock' });
    writeFileAtomic(path.join(options.output, trialsFile), `${JSON.stringify({ chosen: best.trial.directory, trials }, null, 2)}\n`);
    if (options.doPredict !== false) await predictTests(options);
    return { ...best.result, output: options.output };
  } finally {
    await lock.release();
  }
}

/** A directory with a run that is not this search's result must not be written over by accident. */
async function refuseOtherRun({ output, overwrite }: FinetuneOptions): Promise<void> {
  if (overwrite === true) return;
  const found = new Set(await readdir(output));
  if (!found.has('run.json') || found.has(trialsFile)) return;
  throw new UsageError(`${output} holds a run with other settings: a single one, not a search over a recipe's grid`, { hint: 'choose another --output, or start anew with --overwrite' });
}

async function predictTests(options: FinetuneOptions): Promise<void> {
  const { spec, test } = await loadTaskData(options);
  if (test.length === 0) return;
  const { model, tokenizer, maxLength, batchSize } = await loadClassifier({ model: options.output, perDeviceEvalBatchSize: options.perDeviceEvalBatchSize });
  try {
    for (const split of test) {
      const encoded = await encodeSplit(split, tokenizer, maxLength, undefined, options.signal);
      const output = await classify(model, encoded, batchSize, options.signal);
      await writePredictionFiles(options.output, spec, split, toPredictions(output, encoded, model.isRegression ? undefined : labelNames(model)), true);
    }
  } finally {
    model.dispose();
  }
}
