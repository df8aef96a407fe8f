/** The search of one fine-tune whose recipe is a grid: its points one after the other, with the run's one seed. The suite has its own, over seeds. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pointDirectory, pointText, type Trial, trialsFolder } from '../../glue/trials.js';
import { readRunRecord } from '../../src/checkpoint/outputDirectory.js';
import { acquireLock } from '../../src/checkpoint/runLock.js';
import { NonFiniteError, UsageError } from '../../src/data/errors.js';
import type { FinetuneOptions, FinetuneResult } from '../options.js';
import { chooseTrial } from './choose.js';
import { placeRun, predictTests, refuseOtherRun, writeTrials } from './chosenRun.js';
import type { GridPoint } from './gridKeys.js';

/**
 * Runs every point (finished ones are taken as they are), copies the best run into the output directory, and predicts the test files with it.
 * A point that diverges counts as the worst; if all do, the last error is thrown.
 * @param run fine-tunes one point
 */
export async function finetuneGrid(options: FinetuneOptions, points: readonly GridPoint[], run: (options: FinetuneOptions) => Promise<FinetuneResult>): Promise<FinetuneResult> {
  if (options.task === undefined && options.validationFile === undefined) throw new UsageError('a recipe with a grid needs a validation file to choose by', { hint: 'give --validation-file, or set what the recipe searches' });
  const folder = path.join(options.output, trialsFolder);
  await mkdir(folder, { recursive: true });
  const lock = await acquireLock(options.output);
  try {
    await refuseOtherRun(options.output, options.overwrite);
    const trials: Trial[] = [];
    const results = new Map<string, FinetuneResult>();
    let metric = '';
    let diverged: NonFiniteError | undefined;
    for (const [i, point] of points.entries()) {
      const directory = pointDirectory(point);
      const output = path.join(folder, directory);
      writeTrials(folder, { metric, chosen: null, trials });
      options.progress?.({ type: 'note', text: `trial ${i + 1} of ${points.length}: ${pointText(point)}` });
      const add = (trialRun: Omit<Trial['runs'][number], 'seed'>): void => void trials.push({ directory, point: point, runs: [{ seed: options.seed ?? 42, ...trialRun }] });
      try {
        const result = await run({ ...options, ...point, output, doPredict: false });
        metric = String((await readRunRecord(output))?.settings['metricForBestModel']);
        const value = result.results[`eval_${metric}`];
        results.set(directory, result);
        add({ status: 'complete', ...(typeof value === 'number' ? { value } : {}) });
      } catch (error) {
        if (!(error instanceof NonFiniteError)) throw error;
        diverged = error;
        add({ status: 'diverged' });
        options.progress?.({ type: 'note', text: `diverged: ${error.message}` });
      }
    }
    const chosen = chooseTrial(trials, metric);
    const result = results.get(chosen?.directory ?? '');
    if (chosen === undefined || result === undefined) throw diverged ?? new UsageError(`no point of the recipe's grid has a value of ${metric}`, { hint: 'is the dev set empty?' });
    const record = { metric, chosen: chosen.directory, trials };
    await placeRun(path.join(folder, chosen.directory), options.output, record, options.doPredict === false ? undefined : () => predictTests(options));
    writeTrials(folder, record);
    options.progress?.({ type: 'note', text: `${pointText(chosen.point)} is the best of ${points.length} points on dev` });
    return { ...result, output: options.output };
  } finally {
    await lock.release();
  }
}
