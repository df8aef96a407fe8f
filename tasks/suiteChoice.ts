/** Chooses a point of the grid for a model and a task from the runs that a suite made, and puts its runs at the usual place. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { glueTask, glueTasks } from '../glue/tasks.js';
import { chosenTrial, pointDirectory, pointText, readTrials, type Trial, type TrialsRecord, trialSummary, trialsFile, trialsFolder } from '../glue/trials.js';
import { clearRun } from '../src/checkpoint/outputDirectory.js';
import { DataError, InterruptedError, UsageError } from '../src/data/errors.js';
import { predictInProcess } from './finetuneProcess.js';
import { chooseTrial } from './grid/choose.js';
import { placeRun, refuseOtherRun, resultsFile, writeTrials } from './grid/chosenRun.js';
import type { SuiteChoice, SuiteOptions, SuiteRun } from './options.js';
import { errorText, type Place, startOf } from './suiteRuns.js';
import { glueFolder, hasGlueSplit } from './taskData.js';

/** The runs as trials.json lists them: a point each, its seeds below. */
function trialsOf(runs: readonly SuiteRun[]): Trial[] {
  const trials = new Map<string, Trial>();
  for (const { point, seed, status, value } of runs) {
    if (point === undefined || status === 'skipped') continue;
    const directory = pointDirectory(point);
    const before = trials.get(directory)?.runs ?? [];
    trials.set(directory, { directory, point: point, runs: [...before, { seed, status, ...(value === undefined ? {} : { value }) }] });
  }
  return [...trials.values()];
}

/**
 * Makes ready for the points of a model and a task: refuses a folder with single runs, and marks that of the points, so that no report takes them for systems.
 * @param directory the task's folder
 */
export async function prepareChoice(options: SuiteOptions, directory: string, runs: readonly SuiteRun[]): Promise<void> {
  for (const seed of options.seeds) await refuseOtherRun(path.join(directory, `seed-${seed}`), options.overwrite);
  const folder = path.join(directory, trialsFolder);
  await mkdir(folder, { recursive: true });
  if (!existsSync(path.join(folder, trialsFile))) writeTrials(folder, { metric: glueTask(runs[0]?.task ?? '').selectBy, chosen: null, trials: trialsOf(runs) });
}

/**
 * Chooses among the finished runs and puts those of the best point into `<directory>/seed-<n>`; an earlier choice gives way. Where nothing can be chosen,
 * what was there stays.
 * @param note told what was chosen
 * @throws InterruptedError
 */
export async function chooseRuns(options: SuiteOptions, directory: string, runs: readonly SuiteRun[], place: Place, note: (text: string) => void): Promise<SuiteChoice> {
  const [first] = runs;
  if (first === undefined) throw new UsageError('a search without runs');
  const trials = trialsOf(runs);
  const metric = glueTask(first.task).selectBy;
  const about = { model: first.model, ...(first.init === undefined ? {} : { init: first.init }), task: first.task, directory, points: trials.length, metric };
  const who = `${path.basename(path.dirname(directory))} ${first.task}`;
  const chosen = chooseTrial(trials, metric);
  const summary = chosen === undefined ? undefined : trialSummary(chosen);
  if (chosen === undefined || summary === undefined) {
    const error = `none of ${trials.length} points can be chosen: ${runs.find(({ status }) => status === 'failed')?.error ?? runs.find((run) => run.error !== undefined)?.error ?? 'none has a value'}`;
    note(`${who}: ${error}`);
    return { ...about, status: 'failed', seeds: [], error };
  }
  const folder = path.join(directory, trialsFolder);
  const record: TrialsRecord = { metric, chosen: chosen.directory, trials };
  const seeds = chosen.runs.flatMap(({ seed, status }) => (status === 'complete' ? [seed] : []));
  try {
    const earlier = await earlierChoice(folder);
    await removeOthers(directory, record);
    const predicted = options.doPredict !== false && (await hasGlueSplit(glueFolder(options), glueTasks[glueTask(first.task).name], 'test'));
    for (const seed of seeds) {
      const target = path.join(directory, `seed-${seed}`);
      const start = startOf(options, { ...first, point: undefined, seed, directory: target }, place);
      await placeRun(path.join(folder, chosen.directory, `seed-${seed}`), target, record, predicted ? () => predictInProcess(start, options.signal) : undefined);
    }
    writeTrials(folder, record);
    const before = earlier === undefined || earlier.directory === chosen.directory ? '' : `; the choice has changed, it was ${pointText(earlier.point)}`;
    const left = trials.filter((trial) => trial.runs.some(({ status }) => status === 'failed'));
    const without = left.length === 0 ? '' : `; left out because of failed runs: ${left.map(({ point }) => pointText(point)).join(' | ')}`;
    note(`${who}: ${pointText(chosen.point)} is the best of ${trials.length} points on dev${before}${without}`);
    const point = runs.find((run) => run.point !== undefined && pointDirectory(run.point) === chosen.directory)?.point;
    return { ...about, status: 'chosen', point, mean: summary.mean, ...(summary.standardDeviation === undefined ? {} : { standardDeviation: summary.standardDeviation }), seeds };
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    note(`${who}: failed: ${errorText(error)}`);
    return { ...about, status: 'failed', seeds: [], error: errorText(error) };
  }
}

async function earlierChoice(folder: string): Promise<Trial | undefined> {
  try {
    const record = await readTrials(folder);
    return record === undefined ? undefined : chosenTrial(record);
  } catch (error) {
    // A broken record only means that nothing can be said about the choice before.
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/**
 * Takes away the copies of other points' runs, and those whose run of the chosen point is not there: no mixture of points may look like one result.
 * Copies for seeds that this suite does not have stay where they are of the chosen point.
 */
async function removeOthers(directory: string, record: TrialsRecord): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const copy = path.join(directory, entry.name);
    if (!entry.isDirectory() || !/^seed-\d+$/.test(entry.name) || !existsSync(path.join(copy, trialsFile))) continue;
    const same = (await earlierChoice(copy))?.directory === record.chosen;
    const there = existsSync(path.join(directory, trialsFolder, record.chosen ?? '', entry.name, resultsFile));
    if (same && there) writeTrials(copy, record);
    else {
      // Its results go first: what a kill leaves of it counts as unfinished.
      await clearRun(copy);
      await rm(copy, { recursive: true, force: true });
    }
  }
}
