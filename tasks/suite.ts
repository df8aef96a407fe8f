/**
 * Fine-tunes models on tasks with seeds, one run after the other or some beside each other, each in `<output>/<model>/<task>/seed-<n>`.
 * A run that fails is recorded and the next begins; a rerun does only what is missing. suite.json lists all runs.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { glueTask } from '../glue/tasks.js';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { readRunRecord } from '../src/checkpoint/outputDirectory.js';
import { acquireLock } from '../src/checkpoint/runLock.js';
import { BertwrightError, InterruptedError, UsageError } from '../src/data/errors.js';
import { engineInfo, type EngineName } from '../src/engine/index.js';
import { refuseTwoBatchSizes } from '../src/train/batchSize.js';
import { ensureEngine } from '../src/train/ensureEngine.js';
import type { ProgressEvent } from '../src/train/types.js';
import { estimateInProcess, finetuneInProcess, ProcessDiedError } from './finetuneProcess.js';
import { requireModelFiles } from './fingerprint.js';
import type { SuiteOptions, SuiteResult, SuiteRun } from './options.js';
import { plannedRuns } from './suitePlan.js';

const suiteFile = 'suite.json';

const mostConcurrency = 64;

/** Runs of an earlier suite in the same directory that this one does not repeat: they stay listed. */
async function earlierRuns(output: string, runs: readonly SuiteRun[]): Promise<SuiteRun[]> {
  const own = new Set(runs.map((run) => run.directory));
  try {
    const parsed: unknown = JSON.parse(await readFile(path.join(output, suiteFile), 'utf8'));
    const listed = typeof parsed === 'object' && parsed !== null && 'runs' in parsed && Array.isArray(parsed.runs) ? (parsed.runs as SuiteRun[]) : [];
    return listed.map((run) => ({ ...run, directory: path.join(output, run.directory) })).filter((run) => !own.has(run.directory));
  } catch {
    return [];
  }
}

/** A planned run that an earlier suite finished is complete already, unless its settings differ: then the suite refuses it. */
async function withEarlierStatus(run: SuiteRun): Promise<SuiteRun> {
  const earlier = run.status === 'planned' ? await readRunRecord(run.directory) : undefined;
  return earlier?.status === 'complete' ? { ...run, status: 'complete' } : run;
}

/** What a run's process computes with. */
interface Place {
  readonly engine: EngineName;
  readonly threads: number;
}

/** Times that a run is begun again whose process was killed; it goes on from its last checkpoint. */
const mostRestarts = 1;

/**
 * Runs the suite, each run in a process of its own.
 * @throws UsageError before anything starts where options are wrong; BusyError where another suite works in the directory;
 * InterruptedError after the runs under way saved. Failures of single runs are in the result, not thrown.
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  refuseTwoBatchSizes(options);
  for (const model of options.models) await requireModelFiles(model);
  await ensureEngine();
  const { engine, threads } = engineInfo();
  const concurrency = options.concurrency ?? 1;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > mostConcurrency) throw new UsageError(`concurrency is ${concurrency}; expected a whole number from 1 to ${mostConcurrency}`);
  const runs = await plannedRuns(options);
  const place = { engine, threads: Math.max(1, Math.floor(threads / concurrency)) };
  if (options.dryRun === true) return { output: options.output, runs: await withEstimates(options, await Promise.all(runs.map(withEarlierStatus)), place) };
  await mkdir(options.output, { recursive: true });
  const lock = await acquireLock(options.output);
  try {
    const earlier = await earlierRuns(options.output, runs);
    const write = (): void => {
      const listed = [...earlier, ...runs].map((run) => ({ ...run, directory: path.relative(options.output, run.directory) }));
      writeFileAtomic(path.join(options.output, suiteFile), `${JSON.stringify({ command: options.command ?? null, runs: listed }, null, 2)}\n`);
    };
    write();
    const limit = pLimit(concurrency);
    // Of runs that others start from, whether they are complete: those come first, so that waiting for them ends.
    const complete = new Map<string, Promise<boolean>>();
    const outcomes = await Promise.allSettled(
      runs.map((run, i) => {
        const made = limit(async () => {
          if (run.status === 'skipped') return;
          if (options.signal?.aborted === true) throw InterruptedError.from(options.signal, 'stopped before all runs were made');
          const at = { number: i + 1, of: runs.length };
          options.progress?.({ type: 'started', run, ...at });
          const startThere = run.from === undefined || ((await complete.get(run.from)) ?? false);
          const done: SuiteRun = !startThere ? { ...run, status: 'failed', error: `the run that it starts from, ${run.from}, is not complete` } : await runOne(options, run, place, (event) => options.progress?.({ type: 'run', run, ...at, event }));
          runs[i] = done;
          write();
          options.progress?.({ type: 'ended', run: done, ...at });
        });
        complete.set(run.directory, made.then(() => runs[i]?.status === 'complete', () => false));
        return made;
      }),
    );
    const stopped = outcomes.find((outcome) => outcome.status === 'rejected');
    if (stopped !== undefined) throw stopped.reason;
    return { output: options.output, runs };
  } finally {
    await lock.release();
  }
}

/** What the process of a run is started with. */
function startOf(options: SuiteOptions, run: SuiteRun, place: Place) {
  const { models: _, tasks: __, seeds: ___, dryRun: ____, progress: _____, signal: ______, concurrency: _______, fromTask: ________, ...shared } = options;
  const matmulPrecision = shared.matmulPrecision ?? engineInfo().matmulPrecision;
  const started = run.from === undefined ? { model: run.model } : { model: run.from, init: undefined, modelName: `${path.basename(path.resolve(run.model))}${options.init === undefined ? '' : ', random weights,'} from ${glueTask(options.fromTask ?? '').title}` };
  return { ...place, options: { ...shared, ...started, matmulPrecision, task: run.task, seed: run.seed, output: run.directory } };
}

/** The planned runs with what they would take, measured once a model and task; a run that cannot be estimated says why. */
async function withEstimates(options: SuiteOptions, runs: readonly SuiteRun[], place: Place): Promise<SuiteRun[]> {
  const known = new Map<string, Promise<Pick<SuiteRun, 'estimate' | 'error'>>>();
  const estimated: SuiteRun[] = [];
  for (const run of runs) {
    if (run.status !== 'planned') {
      estimated.push(run);
      continue;
    }
    const key = `${run.model}\n${run.task}`;
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

async function runOne(options: SuiteOptions, run: SuiteRun, place: Place, progress: (event: ProgressEvent) => void): Promise<SuiteRun> {
  const { signal } = options;
  const metric = glueTask(run.task).selectBy;
  const start = startOf(options, run, place);
  for (let restarts = 0; ; restarts++) {
    try {
      // What is begun again goes on from its checkpoint: only the first process starts anew.
      const { results } = await finetuneInProcess(restarts === 0 ? start : { ...start, options: { ...start.options, overwrite: false } }, signal, progress);
      const value = results[`eval_${metric}`];
      return { ...run, status: 'complete', metric, ...(typeof value === 'number' ? { value } : {}) };
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      const hint = error instanceof BertwrightError && error.hint !== undefined ? ` (${error.hint})` : '';
      const text = `${error instanceof Error ? error.message : String(error)}${hint}`;
      if (error instanceof ProcessDiedError && restarts < mostRestarts && signal?.aborted !== true) {
        progress({ type: 'note', text: `${text}; begun again` });
        continue;
      }
      progress({ type: 'note', text: `failed: ${text}` });
      return { ...run, status: 'failed', error: text };
    }
  }
}
