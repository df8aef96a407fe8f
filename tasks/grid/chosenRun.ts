/** Puts the run of the chosen point where a run without a search would lie, whole: weights, tokenizer, predictions, results. */
import { constants, existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type TrialsRecord, trialsFile } from '../../glue/trials.js';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
import { clearRun, readRunRecord } from '../../src/checkpoint/outputDirectory.js';
import { UsageError } from '../../src/data/errors.js';
import { classify } from '../classify.js';
import { encodeSplit } from '../encodeSplit.js';
import { labelNames } from '../finetuneJob.js';
import { loadClassifier } from '../loadClassifier.js';
import type { FinetuneOptions } from '../options.js';
import { toPredictions, writePredictionFiles } from '../predictions.js';
import { loadTaskData } from '../taskData.js';

/** A run is finished by this file, which is therefore written last. */
export const resultsFile = 'all_results.json';

/** Writes trials.json of a folder. */
export function writeTrials(directory: string, record: TrialsRecord): void {
  writeFileAtomic(path.join(directory, trialsFile), `${JSON.stringify(record, null, 2)}\n`);
}

/** A directory with a run that is no search's result must not be written over by accident: throws a UsageError unless `overwrite`. */
export async function refuseOtherRun(directory: string, overwrite: boolean | undefined): Promise<void> {
  if (overwrite === true) return;
  if ((await readRunRecord(directory)) === undefined || existsSync(path.join(directory, trialsFile))) return;
  throw new UsageError(`${directory} holds a run with other settings: a single one, not the best of a search`, { hint: 'choose another --output, or start anew with --overwrite' });
}

/** True where `target` is a whole copy of the run in `source`: no other run has the same settings, start and end. */
async function holdsRun(target: string, source: string): Promise<boolean> {
  if (!existsSync(path.join(target, resultsFile))) return false;
  const [there, here] = [await readRunRecord(target), await readRunRecord(source)];
  return there !== undefined && JSON.stringify(there) === JSON.stringify(here);
}

/** True where test files were predicted into the run. */
async function hasPredictions(directory: string): Promise<boolean> {
  const names = await readdir(path.join(directory, 'predictions')).catch(() => []);
  return names.some((name) => name.startsWith('test') || name.startsWith('ax'));
}

/**
 * Makes `target` the run in `source`: a copy, because a later search may need that point again. Its checkpoints stay behind. Nothing is copied where it
 * is there already; trials.json is written in any case. Stopped in the middle it leaves a directory that counts as unfinished and is filled anew.
 * @param predict predicts the test files with the run in `target`; called unless that is done
 */
export async function placeRun(source: string, target: string, record: TrialsRecord, predict: (() => Promise<void>) | undefined): Promise<void> {
  const there = await holdsRun(target, source);
  if (!there) {
    await mkdir(target, { recursive: true });
    await clearRun(target);
    const left = /^(?:\.lock|checkpoint-\d+|all_results\.json)$/;
    await cp(source, target, { recursive: true, mode: constants.COPYFILE_FICLONE, filter: (file) => !left.test(path.basename(file)) });
  }
  writeTrials(target, record);
  if (predict !== undefined && !(await hasPredictions(target))) await predict();
  if (!there) writeFileAtomic(path.join(target, resultsFile), await readFile(path.join(source, resultsFile), 'utf8'));
}

/** Predicts the task's test files, where there are any, with the fine-tuned model in `options.output`. */
export async function predictTests(options: FinetuneOptions): Promise<void> {
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
