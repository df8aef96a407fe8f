/**
 * Finds finished runs below the folders a user names and reads their result files: fine-tuning runs (all_results.json with a task)
 * and pretraining runs (all_results.json with kind "pretraining"; unfinished ones as far as they are logged). Reads only; any other
 * unfinished or a broken folder is listed, not fatal.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { DataError, UsageError } from '../../src/data/errors.js';
import { isJsonObject, type JsonObject, readJsonObject } from '../../src/data/jsonFile.js';
import { didYouMeanPath } from '../../src/data/nearPath.js';
import { type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import { chosenTrial, readTrials, type TrialsRecord, trialsFile, trialsFolder } from '../trials.js';
import type { Point } from './lineChart.js';
import { type Curves, curvesOf, type LogEntry, logEntries, readMetricLines } from './trainingLog.js';

/** One fine-tuning run as its all_results.json tells it. Metrics are 0..1. */
export interface TaskRun {
  readonly directory: string;
  readonly task: GlueTaskName;
  /** Name of the system in tables: the model's, with "random weights" for `--init random`. */
  readonly system: string;
  /** Started from random weights, over another task or not. */
  readonly randomWeights: boolean;
  /** Hash and folder of the checkpoint it started from, over another task or not, as run.json tells them. */
  readonly modelSha256: string | undefined;
  readonly modelPath: string | undefined;
  /** Where it started from another task's model: the system that this model belongs to. */
  readonly root: string | undefined;
  /** The system whose run this is, where it also stands for one that has no run of its own on the task. */
  readonly inheritedFrom: string | undefined;
  readonly seed: number;
  /** The search that chose this run on dev; undefined for a run whose settings were given. */
  readonly search: TrialsRecord | undefined;
  readonly epoch: number | undefined;
  /** The score that picks the best checkpoint, 0..1, after each evaluation by epoch. */
  readonly scoresByEpoch: readonly Point[];
  /** By result-file name without `eval_`; `accuracy_mm` is MNLI's mismatched set. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What always predicting the training majority scores on the same rows; empty where the run did not record it. */
  readonly majority: Readonly<Record<string, number>>;
  readonly trainRows: number | undefined;
  readonly officialTrainRows: number | undefined;
  readonly evalRows: number | undefined;
  readonly officialEvalRows: number | undefined;
  readonly trainSeconds: number | undefined;
  readonly parameters: number | undefined;
  /** Of these, those that were trained; absent where all were. */
  readonly trainableParameters: number | undefined;
  readonly engine: string | undefined;
  readonly precision: string | undefined;
  readonly command: string | undefined;
  readonly machine: string | undefined;
  readonly versions: Readonly<Record<string, string>>;
}

/** One pretraining run, finished or not. Losses in nats per masked token, accuracies 0..1. */
export interface PretrainingRun {
  readonly directory: string;
  readonly name: string;
  readonly results: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  readonly command: string | undefined;
  readonly engine: string | undefined;
  readonly precision: string | undefined;
  readonly machine: string | undefined;
  readonly versions: Readonly<Record<string, string>>;
  readonly curves: Curves;
}

export interface CollectedRuns {
  readonly taskRuns: readonly TaskRun[];
  readonly pretrainingRuns: readonly PretrainingRun[];
  /** Folders that look like runs but have no readable result, each with the reason. */
  readonly unfinished: readonly UnfinishedRun[];
}

/** Run folders read at the same time. */
const openFolders = 16;

/** Collects all runs in and below the given folders; a folder that is absent or holds no run at all is a UsageError. */
export async function collectRuns(directories: readonly string[]): Promise<CollectedRuns> {
  const found = new Set<string>();
  for (const directory of directories) for (const candidate of await runDirectories(directory)) found.add(candidate);
  // A suite has hundreds of small files: read some at a time, results in the order of the folders.
  const limit = pLimit(openFolders);
  const outcomes = await Promise.all([...found].map((directory) => limit(() => readOutcome(directory))));
  const ownRuns = outcomes.flatMap((outcome) => ('task' in outcome ? [outcome] : []));
  const taskRuns = withDistinctNames([...ownRuns, ...inheritedRuns(ownRuns)]);
  const pretrainingRuns = withDistinctPlaces(outcomes.flatMap((outcome) => ('results' in outcome ? [outcome] : [])));
  const unfinished = outcomes.flatMap((outcome) => ('reason' in outcome ? [outcome] : []));
  if (taskRuns.length + pretrainingRuns.length === 0) {
    throw new UsageError(`no finished run in ${directories.join(', ')}`, {
      hint: 'give the output directory of finetune, suite or pretrain; a finished run has an all_results.json',
    });
  }
  return { taskRuns, pretrainingRuns, unfinished };
}

/** A system whose runs started from one task's model has the runs of that model's own system on the tasks that did not, as the field counts it (Phang et al., 2018). */
function inheritedRuns(runs: readonly TaskRun[]): TaskRun[] {
  const systems = new Map(runs.flatMap((run) => (run.root === undefined ? [] : [[run.system, run] as const])));
  return [...systems].flatMap(([system, { root, modelSha256 }]) => {
    const tasks = new Set(runs.filter((run) => run.system === system).map(({ task }) => task));
    const given = runs.filter((run) => run.system === root && run.modelSha256 === modelSha256 && !tasks.has(run.task));
    return given.map((run) => ({ ...run, system, inheritedFrom: run.system }));
  });
}

/** Different models of one name get as much of their path into it as tells them apart: averaged as one system they would mean nothing. */
function withDistinctNames(runs: readonly TaskRun[]): TaskRun[] {
  return runs.map((run) => {
    const namesakes = runs.filter(({ system, modelSha256 }) => system === run.system && modelSha256 !== run.modelSha256);
    if (namesakes.length === 0) return run;
    const place = distinctTail(run.modelPath, namesakes.map(({ modelPath }) => modelPath));
    return { ...run, system: `${run.system} (${place === '' ? run.modelSha256?.slice(0, 8) ?? 'unknown origin' : place})` };
  });
}

/** Pretraining runs of one name are told apart by their folders. */
function withDistinctPlaces(runs: readonly PretrainingRun[]): PretrainingRun[] {
  return runs.map((run) => {
    const namesakes = runs.filter((other) => other !== run && other.name === run.name);
    return namesakes.length === 0 ? run : { ...run, name: distinctTail(path.resolve(run.directory), namesakes.map(({ directory }) => path.resolve(directory))) };
  });
}

/** As much of the end of a path as none of the others has. */
function distinctTail(own: string | undefined, others: readonly (string | undefined)[]): string {
  const ownParts = pathParts(own);
  let length = 1;
  while (length < ownParts.length && others.some((other) => tail(pathParts(other), length) === tail(ownParts, length))) length += 1;
  return tail(ownParts, length);
}

function pathParts(file: string | undefined): string[] {
  return (file ?? '').split(/[\\/]/).filter((part) => part !== '');
}

function tail(parts: readonly string[], length: number): string {
  return parts.slice(-length).join('/');
}

interface UnfinishedRun {
  readonly directory: string;
  readonly reason: string;
}

async function readOutcome(directory: string): Promise<TaskRun | PretrainingRun | UnfinishedRun> {
  try {
    const search = path.basename(directory) === trialsFolder && existsSync(path.join(directory, trialsFile));
    return (await readRun(directory)) ?? { directory, reason: search ? 'a search that has not chosen yet' : 'started, but has no all_results.json yet' };
  } catch (error) {
    if (error instanceof DataError) return { directory, reason: error.message };
    throw error;
  }
}

/** `directory` itself and every folder below it that holds a run; checkpoints inside a run are not runs, nor are the points of a search beside what it chose. */
async function runDirectories(directory: string): Promise<string[]> {
  let entries: Awaited<ReturnType<typeof listFolder>>;
  try {
    entries = await listFolder(directory);
  } catch {
    throw new UsageError(`no such folder: ${directory}.${await didYouMeanPath(directory)}`, { hint: 'give the output directory of finetune, suite or pretrain' });
  }
  const names = new Set(entries.filter((entry) => entry.isFile()).map((entry) => entry.name));
  if (names.has('run.json') || names.has('all_results.json')) return [directory];
  const below: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const folder = path.join(directory, entry.name);
    if (entry.name === trialsFolder && existsSync(path.join(folder, trialsFile))) below.push(...(await unfinishedSearch(folder)));
    else below.push(...(await runDirectories(folder)));
  }
  return below;
}

/** The folder of a search's points where it has not chosen; nothing where it has, or cannot be read: what it chose lies beside it. */
async function unfinishedSearch(folder: string): Promise<string[]> {
  const record = await readTrials(folder).catch(() => undefined);
  return record === undefined || chosenTrial(record) === undefined ? [folder] : [];
}

function listFolder(directory: string) {
  return readdir(directory, { withFileTypes: true }).then((entries) => entries.sort((a, b) => (a.name < b.name ? -1 : 1)));
}

const readJson = (file: string): Promise<JsonObject | undefined> => readJsonObject(file, 'the run may have been cut while writing; run it again');

const asNumber = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
const asString = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const asObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const stringsOf = (value: unknown): Record<string, string> => Object.fromEntries(Object.entries(asObject(value)).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])));

/** Entries whose key starts with `prefix` and whose value is a number, without the prefix. */
function numbersWithPrefix(json: JsonObject, prefix: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(json).flatMap(([key, value]) => {
      const number = asNumber(value);
      return key.startsWith(prefix) && number !== undefined ? [[key.slice(prefix.length), number] as const] : [];
    }),
  );
}

async function readRun(directory: string): Promise<TaskRun | PretrainingRun | undefined> {
  const results = await readJson(path.join(directory, 'all_results.json'));
  const run = (await readJson(path.join(directory, 'run.json'))) ?? {};
  if (results === undefined) return readUnfinishedPretraining(directory, run);
  const command = asString(run['command']) ?? asString(results['command']);
  const task = asString(results['task']);
  if (task === undefined) {
    if (results['kind'] === 'pretraining') return readPretrainingRun(directory, results, run);
    throw new DataError('neither a task nor kind "pretraining" in the results', { location: { file: path.join(directory, 'all_results.json') } });
  }
  const name = glueTaskNames.find((candidate) => candidate === task);
  if (name === undefined) throw new DataError(`task "${task}" is not a GLUE task; the report covers GLUE only`, { location: { file: path.join(directory, 'all_results.json') } });
  const model = asString(results['model']) ?? path.basename(directory);
  const about = asObject(run['about']);
  const root = asString(about['rootSystem']);
  const search = await readTrials(directory);
  const adapter = asString(results['adapter']);
  const history = logEntries((await readJson(path.join(directory, 'trainer_state.json')))?.['log_history']);
  const scoreKey = `eval_${glueTasks[name].selectBy}`;
  return {
    directory,
    task: name,
    system: [model, ...(results['init'] === 'random' ? ['random weights'] : []), ...(adapter === undefined ? [] : [adapterName(adapter, search)])].join(', '),
    modelSha256: asString(about['rootModelSha256']) ?? asString(asObject(run['settings'])['modelSha256']),
    modelPath: asString(about['rootModel']) ?? asString(about['model']),
    root,
    randomWeights: results['init'] === 'random' || root?.endsWith(', random weights') === true,
    inheritedFrom: undefined,
    seed: asNumber(results['seed']) ?? 0,
    search,
    epoch: asNumber(results['epoch']),
    scoresByEpoch: history.flatMap((entry): Point[] => (entry['epoch'] === undefined || entry[scoreKey] === undefined ? [] : [[entry['epoch'], entry[scoreKey]]])),
    metrics: numbersWithPrefix(results, 'eval_'),
    majority: numbersWithPrefix(results, 'majority_'),
    trainRows: asNumber(results['train_samples']),
    officialTrainRows: asNumber(results['official_train_rows']),
    evalRows: asNumber(results['eval_samples']),
    officialEvalRows: asNumber(results['official_eval_rows']),
    trainSeconds: asNumber(results['train_runtime']),
    parameters: asNumber(results['parameters']),
    trainableParameters: asNumber(results['trainable_parameters']),
    engine: asString(results['engine']),
    precision: asString(results['precision']),
    command,
    machine: asString(results['machine']),
    versions: stringsOf(results['versions']),
  };
}

/** An adapter's title; of one whose rank was searched without the rank, which may differ from task to task of one system. */
function adapterName(title: string, search: TrialsRecord | undefined): string {
  const searched = search?.trials.some(({ point }) => point['loraR'] !== undefined || point['bottleneckSize'] !== undefined) === true;
  return searched ? `${title.replace(/(?: r)? \d+$/, '')}, rank chosen on dev` : title;
}

/** Of an unfinished run, `results` are what its log has so far. */
async function readPretrainingRun(directory: string, results: JsonObject, record: JsonObject): Promise<PretrainingRun> {
  const state = await readJson(path.join(directory, 'trainer_state.json'));
  const history = logEntries(state?.['log_history']);
  return pretrainingRun(directory, results, record, history.length > 0 ? history : await readMetricLines(directory));
}

function pretrainingRun(directory: string, results: JsonObject, record: JsonObject, log: readonly LogEntry[]): PretrainingRun {
  const notes = Array.isArray(results['warnings']) ? results['warnings'].filter((note): note is string => typeof note === 'string') : [];
  return {
    directory,
    name: asString(results['model']) ?? path.basename(path.resolve(directory)),
    results: numbersWithPrefix(results, ''),
    notes,
    command: asString(record['command']) ?? asString(results['command']),
    engine: asString(results['engine']),
    precision: asString(results['precision']),
    machine: asString(results['machine']),
    versions: stringsOf(results['versions']),
    curves: curvesOf(log),
  };
}

/** A pretraining run that has logged something but is not finished, as far as it has come; undefined for any other folder. */
async function readUnfinishedPretraining(directory: string, record: JsonObject): Promise<PretrainingRun | undefined> {
  if (record['kind'] !== 'pretrain') return undefined;
  const log = await readMetricLines(directory);
  const last = log.at(-1);
  if (last === undefined) return undefined;
  const settings = asObject(record['settings']);
  const status = asString(record['status']) ?? 'unknown';
  const results = {
    ...log.findLast((entry) => entry['eval_mlm_loss'] !== undefined),
    steps: last['step'],
    epoch: last['epoch'],
    train_runtime: log.findLast((entry) => entry['elapsed_seconds'] !== undefined)?.['elapsed_seconds'],
    ...Object.fromEntries(['engine', 'threads'].map((key) => [key, settings[key]])),
    precision: settings['matmulPrecision'],
    ...asObject(record['about']),
    warnings: [`not finished (run.json says "${status}"): what its log has up to step ${last['step'] ?? 0}`],
    model: path.basename(path.resolve(directory)),
  };
  return pretrainingRun(directory, results, record, log);
}
