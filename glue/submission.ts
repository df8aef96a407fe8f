/** Makes a submission from a suite: of each task the run with the best dev score, its predictions of the test set, in one validated zip. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { DataError, UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { collectRuns, type TaskRun } from './report/collect.js';
import { type SubmissionFile, submissionFiles, submissionTable } from './submissionTable.js';
import { submissionFaults, zipSubmission } from './submissionZip.js';
import { classNumbers, type GlueTask, type GlueTaskName, glueTasks } from './tasks.js';

export interface SubmissionOptions {
  /** Folder of a suite, or of runs. */
  readonly directory: string;
  /** The zip to write. */
  readonly output: string;
  /** Which system, by its name in reports; needed where the folder holds several. */
  readonly system?: string | undefined;
  /** Take this seed's runs instead of the best on dev. */
  readonly seed?: number | undefined;
  /** Predict the majority class for WNLI, whose dev set misleads, or take the run trained on it. Default majority. */
  readonly wnli?: 'majority' | 'train' | undefined;
  /** What to do about a file without predictions: refuse, or fill it with the majority class. Default refuse. */
  readonly missing?: 'refuse' | 'majority' | undefined;
}

export interface SubmittedFile {
  readonly name: string;
  /** The run that it comes from; undefined where it holds one class for every row. */
  readonly run: TaskRun | undefined;
  /** What the run scored on dev by the metric that picks it, 0..1. */
  readonly devScore: number | undefined;
  /** The class, or score, of every row of a file without a run. */
  readonly constant: string | number | undefined;
  readonly rows: number;
}

export interface Submission {
  readonly output: string;
  readonly system: string;
  readonly files: readonly SubmittedFile[];
  /** What whoever hands it in should know: runs on a sample, runs that were not finished. */
  readonly notes: readonly string[];
}

/** The largest class of the training sets (MNLI's three and QNLI's two are as good as equal), and STS-B's mean score: what a file without predictions is filled with. */
const majorities: Readonly<Record<GlueTaskName, string | number>> = {
  cola: 'acceptable', sst2: 'positive', mrpc: 'equivalent', stsb: 2.701, qqp: 'not_duplicate', mnli: 'contradiction', qnli: 'not_entailment', rte: 'entailment', wnli: 'not_entailment', ax: 'contradiction',
};

/**
 * Writes the zip; nothing is written unless it is without fault.
 * @throws UsageError for a folder without runs, several systems with none chosen, an unknown system or seed, and files without predictions unless they are
 * to be filled; DataError for predictions that are no full test set
 */
export async function writeSubmission(options: SubmissionOptions): Promise<Submission> {
  const { taskRuns, unfinished } = await collectRuns([options.directory]);
  const system = chosenSystem(taskRuns, options);
  const runs = taskRuns.filter((run) => run.system === system);
  const tables = new Map<string, string>();
  const files: SubmittedFile[] = [];
  const missing: string[] = [];
  for (const file of submissionFiles) {
    const majorityOnly = file.task.name === 'wnli' && options.wnli !== 'train';
    const run = majorityOnly ? undefined : chosenRun(runs, file.task, options.seed);
    const predictions = run === undefined ? undefined : await testPredictions(run, file);
    if (predictions === undefined && !majorityOnly && options.missing !== 'majority') {
      missing.push(run === undefined ? `${file.name} (no run of ${glueTasks[file.task.predictedBy ?? file.task.name].title}${otherSeeds(runs, file.task, options.seed)})` : `${file.name} (${run.directory} has no predictions of it)`);
      continue;
    }
    const constant = majorities[file.task.name];
    tables.set(file.name, submissionTable(file, predictions ?? new Array<string | number>(file.rows).fill(constant)));
    files.push({ name: file.name, rows: file.rows, ...(predictions === undefined ? { run: undefined, devScore: undefined, constant } : { run, devScore: run === undefined ? undefined : devScore(run, file.task), constant: undefined }) });
  }
  if (missing.length > 0) {
    throw new UsageError(`the submission would lack ${missing.join(', ')}`, {
      hint: 'predict them (a suite does where the test files lie in the data folder), or fill them with the majority class: --missing majority',
    });
  }
  const zip = zipSubmission(tables);
  const faults = submissionFaults(zip, options.output);
  if (faults.length > 0) throw new DataError(`the submission is not valid: ${faults.join('; ')}`, { location: { file: options.output } });
  writeFileAtomic(options.output, zip);
  return { output: options.output, system, files, notes: [...sampledRuns(files), ...unfinished.map(({ directory, reason }) => `${directory} is not among the runs to choose from: ${reason}`)] };
}

/** The seeds that are there where the one asked for is not. */
function otherSeeds(runs: readonly TaskRun[], task: GlueTask, seed: number | undefined): string {
  const seeds = runs.filter((run) => run.task === (task.predictedBy ?? task.name)).map((run) => run.seed);
  return seed === undefined || seeds.length === 0 ? '' : ` with seed ${seed}, but with ${seeds.sort((a, b) => a - b).join(', ')}`;
}

/** Runs that were trained or chosen on other rows than the official ones. */
function sampledRuns(files: readonly SubmittedFile[]): string[] {
  return [...new Set(files.flatMap(({ run }) => run ?? []))].flatMap((run) => {
    const parts = ([['trained', run.trainRows, run.officialTrainRows], ['scored', run.evalRows, run.officialEvalRows]] as const).filter(([, rows, official]) => rows !== undefined && official !== undefined && rows !== official);
    return parts.length === 0 ? [] : [`${glueTasks[run.task].title} was ${parts.map(([what, rows, official]) => `${what} on ${rows} of ${official} rows`).join(' and ')}`];
  });
}

function chosenSystem(runs: readonly TaskRun[], { directory, system }: SubmissionOptions): string {
  const systems = [...new Set(runs.map((run) => run.system))].sort();
  const [only] = systems;
  if (only === undefined) throw new UsageError(`no finished run of a GLUE task in ${directory}`, { hint: 'give the folder of a suite' });
  if (system === undefined) {
    if (systems.length > 1) throw new UsageError(`${directory} has runs of ${systems.length} systems: ${systems.join(', ')}`, { hint: 'choose one with --system NAME' });
    return only;
  }
  if (!systems.includes(system)) throw new UsageError(`no system "${system}" in ${directory}.${didYouMean(system, systems)}`, { hint: `it has: ${systems.join(', ')}` });
  return system;
}

/** The run of the task, or of the one that predicts it, with the best dev score; of equals the smallest seed. */
function chosenRun(runs: readonly TaskRun[], task: GlueTask, seed: number | undefined): TaskRun | undefined {
  const name = task.predictedBy ?? task.name;
  const candidates = runs.filter((run) => run.task === name && (seed === undefined || run.seed === seed));
  return candidates.sort((a, b) => devScore(b, task) - devScore(a, task) || a.seed - b.seed)[0];
}

function devScore(run: TaskRun, task: GlueTask): number {
  return run.metrics[task.predictedBy === undefined ? task.selectBy : 'accuracy'] ?? Number.NEGATIVE_INFINITY;
}

/** The predictions of a run for a file, in the rows' order; undefined where it made none. */
async function testPredictions(run: TaskRun, file: SubmissionFile): Promise<(string | number)[] | undefined> {
  const name = file.task.predictedBy !== undefined ? file.task.name : file.split === 'test' ? 'test' : 'test_mm';
  const source = path.join(run.directory, 'predictions', `${name}.jsonl`);
  let text: string;
  try {
    text = await readFile(source, 'utf8');
  } catch {
    return undefined;
  }
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length !== file.rows) {
    throw new DataError(`${lines.length} predictions, the test set has ${file.rows} rows`, { location: { file: source }, hint: 'predict the whole test set: without --max-predict-samples, from the complete file' });
  }
  const classOf = classNumbers(file.task);
  return lines.map((line, row) => {
    const location = { file: source, line: row + 1 };
    const prediction = predictionOf(line, row, location);
    const found = classOf(prediction);
    if (Number.isNaN(found)) throw new DataError(`prediction ${JSON.stringify(prediction)}, expected ${file.task.kind === 'regression' ? 'a number' : `one of ${file.task.labels.join(', ')}`}`, { location });
    return file.task.kind === 'regression' ? found : (file.task.labels[found] ?? '');
  });
}

function predictionOf(line: string, row: number, location: { readonly file: string; readonly line: number }): string | number {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new DataError('not JSON', { location, cause });
  }
  if (typeof value !== 'object' || value === null || !('prediction' in value) || !('index' in value)) throw new DataError('expected an object with index and prediction', { location });
  const { index, prediction } = value;
  if (index !== row) throw new DataError(`index ${JSON.stringify(index)}, expected ${row}`, { location });
  if (typeof prediction !== 'string' && typeof prediction !== 'number') throw new DataError(`prediction ${JSON.stringify(prediction)}, expected a label or a number`, { location });
  return prediction;
}
