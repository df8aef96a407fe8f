/**
 * Fine-tunes models on tasks with seeds, one run after the other or some beside each other, each in `<output>/<model>/<task>/seed-<n>`.
 * A run that fails is recorded and the next begins; a rerun does only what is missing. suite.json lists all runs.
 * With a grid every point's runs are made below `<task>/trials`, and those of the best point are put at that place when they are there.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { acquireLock } from '../src/checkpoint/runLock.js';
import { InterruptedError, UsageError } from '../src/data/errors.js';
import { engineInfo } from '../src/engine/index.js';
import { chooseThreads } from '../src/engine/threads.js';
import { refuseTwoBatchSizes } from '../src/train/batchSize.js';
import { ensureEngine } from '../src/train/ensureEngine.js';
import { requireModelFiles } from './fingerprint.js';
import type { SuiteChoice, SuiteOptions, SuiteResult, SuiteRun } from './options.js';
import { chooseRuns, prepareChoice } from './suiteChoice.js';
import { plannedRuns, runGroups } from './suitePlan.js';
import { type Place, runOne, withEarlierStatus, withEstimates } from './suiteRuns.js';

const suiteFile = 'suite.json';

const mostConcurrency = 64;

interface Listed {
  readonly runs: readonly SuiteRun[];
  readonly choices: readonly SuiteChoice[];
}

/** Runs and choices of an earlier suite in the same directory that this one does not repeat: they stay listed. */
async function earlierList(output: string, runs: readonly SuiteRun[]): Promise<Listed> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path.join(output, suiteFile), 'utf8'));
  } catch {
    return { runs: [], choices: [] };
  }
  const own = new Set([...runs.map((run) => run.directory), ...runGroups(runs).map(({ directory }) => directory)]);
  const rest = <T extends { readonly directory: string }>(key: 'runs' | 'choices'): T[] => {
    const listed: unknown = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)[key] : undefined;
    return (Array.isArray(listed) ? (listed as T[]) : []).map((entry) => ({ ...entry, directory: path.join(output, entry.directory) })).filter(({ directory }) => !own.has(directory));
  };
  return { runs: rest<SuiteRun>('runs'), choices: rest<SuiteChoice>('choices') };
}

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
  // The native engine computes in its threads, the others in one a process.
  const processes = Math.min(concurrency, engine === 'native' ? threads : chooseThreads(undefined).threads);
  if (processes < concurrency) options.progress?.({ type: 'note', text: `${processes} runs beside each other, not ${concurrency}: more would share the same processors` });
  const place = { engine, threads: Math.max(1, Math.floor(threads / processes)) };
  if (options.dryRun === true) return { output: options.output, runs: await withEstimates(options, await Promise.all(runs.map(withEarlierStatus)), place), choices: [] };
  await mkdir(options.output, { recursive: true });
  const lock = await acquireLock(options.output);
  try {
    for (const { directory, searched, members } of runGroups(runs)) if (searched) await prepareChoice(options, directory, members.flatMap((i) => runs[i] ?? []));
    return { output: options.output, runs, choices: await makeRuns(options, runs, place, processes) };
  } finally {
    await lock.release();
  }
}

/** Makes the runs, replacing each in the list by how it ended, and the choices; throws InterruptedError when all that was under way has saved. */
async function makeRuns(options: SuiteOptions, runs: SuiteRun[], place: Place, concurrency: number): Promise<SuiteChoice[]> {
  const { output, signal } = options;
  const earlier = await earlierList(output, runs);
  const groups = runGroups(runs);
  const chosen = new Map<string, SuiteChoice>();
  const choices = (): SuiteChoice[] => groups.flatMap(({ directory }) => chosen.get(directory) ?? []);
  const write = (): void => {
    const relative = <T extends { readonly directory: string }>(listed: readonly T[]): T[] => listed.map((entry) => ({ ...entry, directory: path.relative(output, entry.directory) }));
    writeFileAtomic(path.join(output, suiteFile), `${JSON.stringify({ command: options.command ?? null, runs: relative([...earlier.runs, ...runs]), choices: relative([...earlier.choices, ...choices()]) }, null, 2)}\n`);
  };
  write();
  const limit = pLimit(concurrency);
  const refuseWhenStopped = (): void => {
    if (signal?.aborted === true) throw InterruptedError.from(signal, 'stopped before all runs were made');
  };
  // Whether the run that lies at a usual place is complete, for those that start from it; they wait without taking up one of the processes.
  const complete = new Map<string, Promise<boolean>>();
  const make = async (run: SuiteRun, i: number): Promise<void> => {
    if (run.status === 'skipped') return;
    const startThere = run.from === undefined || ((await complete.get(run.from)) ?? false);
    await limit(async () => {
      refuseWhenStopped();
      const at = { number: i + 1, of: runs.length };
      options.progress?.({ type: 'started', run, ...at });
      const done: SuiteRun = !startThere ? { ...run, status: 'failed', error: `the run that it starts from, ${run.from}, is not complete` } : await runOne(options, run, place, (event) => options.progress?.({ type: 'run', run, ...at, event }));
      runs[i] = done;
      write();
      options.progress?.({ type: 'ended', run: done, ...at });
    });
  };
  const choose = async (directory: string, members: readonly number[]): Promise<SuiteChoice> =>
    limit(async () => {
      refuseWhenStopped();
      const choice = await chooseRuns(options, directory, members.flatMap((i) => runs[i] ?? []), place, (text) => options.progress?.({ type: 'note', text }));
      chosen.set(directory, choice);
      write();
      return choice;
    });
  const jobs: Promise<unknown>[] = [];
  // Runs that others start from come first in the list: their promises are there when the others look for them.
  for (const { directory, searched, members } of groups) {
    const made = members.flatMap((i) => (runs[i] === undefined ? [] : [[i, make(runs[i], i)] as const]));
    jobs.push(...made.map(([, job]) => job));
    if (searched) {
      const choice = Promise.all(made.map(([, job]) => job)).then(() => choose(directory, members));
      jobs.push(choice);
      for (const seed of options.seeds) complete.set(path.join(directory, `seed-${seed}`), choice.then(({ seeds }) => seeds.includes(seed), () => false));
    } else for (const [i, job] of made) complete.set(runs[i]?.directory ?? '', job.then(() => runs[i]?.status === 'complete', () => false));
  }
  const stopped = (await Promise.allSettled(jobs)).find((outcome) => outcome.status === 'rejected');
  if (stopped !== undefined) throw stopped.reason;
  return choices();
}
