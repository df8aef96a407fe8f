/** One run of a suite, in a process of its own: what it is started with, what it would take, how it ends. */
import path from 'node:path';
import { glueTask } from '../glue/tasks.js';
import { makeDirectory, writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { readRunRecord } from '../src/checkpoint/outputDirectory.js';
import { BertwrightError, InterruptedError, NonFiniteError } from '../src/data/errors.js';
import { engineInfo, type EngineName } from '../src/engine/index.js';
import type { ProgressEvent } from '../src/train/types.js';
import { estimateInProcess, finetuneInProcess, ProcessDiedError } from './finetuneProcess.js';
import type { SuiteOptions, SuiteRun } from './options.js';

/** What a run's process computes with. */
export interface Place {
  readonly engine: EngineName;
  readonly threads: number;
}

/** Times that a run is begun again whose process was killed; it goes on from its last checkpoint. */
const mostRestarts = 1;

/** An error in one line, with what to do about it. */
export function errorText(error: unknown): string {
  const hint = error instanceof BertwrightError && error.hint !== undefined ? ` (${error.hint})` : '';
  return `${error instanceof Error ? error.message : String(error)}${hint}`;
}

/** What the process of a run is started with. The test files are predicted by the run of the chosen point only. */
export function startOf(options: SuiteOptions, run: SuiteRun, place: Place) {
  const { models: _, tasks: __, seeds: ___, dryRun: ____, progress: _____, signal: ______, concurrency: _______, fromTask: ________, grid: _________, ...shared } = options;
  const matmulPrecision = shared.matmulPrecision ?? engineInfo().matmulPrecision;
  const system = `${path.basename(path.resolve(run.model))}${options.init === undefined ? '' : ', random weights'}`;
  const started = run.from === undefined ? { model: run.model } : { model: run.from, root: { model: run.model, system }, init: undefined, modelName: `${system}${options.init === undefined ? '' : ','} from ${glueTask(options.fromTask ?? '').title}` };
  const tried = run.point === undefined ? {} : { ...run.point, doPredict: false };
  return { ...place, options: { ...shared, ...started, ...tried, matmulPrecision, task: run.task, seed: run.seed, output: run.directory } };
}

/** A planned run that an earlier suite finished is complete already, unless its settings differ: then the suite refuses it. */
export async function withEarlierStatus(run: SuiteRun): Promise<SuiteRun> {
  const status = run.status === 'planned' ? (await readRunRecord(run.directory))?.status : undefined;
  return status === 'complete' || (status === 'diverged' && run.point !== undefined) ? { ...run, status } : run;
}

/** The planned runs with what they would take, measured once a model, task and point; a run that cannot be estimated says why. */
export async function withEstimates(options: SuiteOptions, runs: readonly SuiteRun[], place: Place): Promise<SuiteRun[]> {
  const known = new Map<string, Promise<Pick<SuiteRun, 'estimate' | 'error'>>>();
  const estimated: SuiteRun[] = [];
  for (const run of runs) {
    if (run.status !== 'planned') {
      estimated.push(run);
      continue;
    }
    const key = path.dirname(run.directory);
    const found = known.get(key) ?? estimateOf(options, run, place);
    known.set(key, found);
    estimated.push({ ...run, ...(await found) });
  }
  return estimated;
}

async function estimateOf(options: SuiteOptions, run: SuiteRun, place: Place): Promise<Pick<SuiteRun, 'estimate' | 'error'>> {
  try {
    const { seconds, bytes, tokensPerSecond } = await estimateInProcess(startOf(options, { ...run, from: undefined }, place), options.signal);
    return { estimate: { seconds, bytes, tokensPerSecond } };
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Makes the run, or finds it made; how it failed is in what it returns. Throws InterruptedError alone. */
export async function runOne(options: SuiteOptions, run: SuiteRun, place: Place, progress: (event: ProgressEvent) => void): Promise<SuiteRun> {
  const { signal } = options;
  const metric = glueTask(run.task).selectBy;
  const start = startOf(options, run, place);
  for (let restarts = 0; ; restarts++) {
    try {
      // What is begun again goes on from its checkpoint: only the first process starts anew.
      const { results } = await finetuneInProcess(run.point === undefined ? 'finetune' : 'point', restarts === 0 ? start : { ...start, options: { ...start.options, overwrite: false } }, signal, progress);
      const value = results[`eval_${metric}`];
      return { ...run, status: 'complete', metric, ...(typeof value === 'number' ? { value } : {}) };
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      const text = errorText(error);
      if (error instanceof ProcessDiedError && restarts < mostRestarts && signal?.aborted !== true) {
        progress({ type: 'note', text: `${text}; begun again` });
        continue;
      }
      const status = error instanceof NonFiniteError && run.point !== undefined ? 'diverged' : 'failed';
      progress({ type: 'note', text: `${status}: ${text}` });
      return { ...run, status, error: text, log: writeLog(options.output, run, error) };
    }
  }
}

/** Writes all that is known of a failure below `<suite>/logs`, not into the run's folder, which may be another's; returns the file, undefined where it cannot be written. */
function writeLog(suite: string, run: SuiteRun, error: unknown): string | undefined {
  const file = path.join(suite, 'logs', `${path.relative(suite, run.directory).split(path.sep).join('_')}.log`);
  const cause = error instanceof Error && error.cause !== undefined ? `\n${String(error.cause)}` : '';
  try {
    makeDirectory(path.dirname(file));
    writeFileAtomic(file, `${run.directory}\n${new Date().toISOString()}\n${errorText(error)}\n${error instanceof Error ? (error.stack ?? '') : ''}${cause}\n`);
    return file;
  } catch {
    return undefined;
  }
}
