/** Loads the splits of a task for the runners. */
import { loadGlue } from '../glue/loadGlue.js';
import { splitFiles, taskFolder } from '../glue/splitFiles.js';
import { type GlueSplit, type GlueTask, glueSplit, glueTask, glueTasks } from '../glue/tasks.js';
import { DataError, UsageError } from '../src/data/errors.js';
import { loadOwnData, loadOwnValidation } from './ownData.js';
import type { DataOptions } from './options.js';
import { specOfGlue, type TaskData, type TaskSpec, type TaskSplit } from './taskSpec.js';

const splitNames: Readonly<Record<GlueSplit, string>> = { train: 'train', dev: 'dev', dev_mismatched: 'dev_mm', test: 'test', test_mismatched: 'test_mm' };

/** The folder of the GLUE release: as given, else $GLUE_DIR, else ./glue_data. */
export function glueFolder(options: DataOptions): string {
  return options.data ?? process.env['GLUE_DIR'] ?? 'glue_data';
}

/** One split of a GLUE task; AX is called `ax` whatever split was asked for. */
export async function loadGlueSplit(folder: string, task: GlueTask, split: GlueSplit): Promise<TaskSplit> {
  const { files, examples, officialRows, skipped } = await loadGlue(folder, task.name, split);
  return { name: task.name === 'ax' ? 'ax' : splitNames[split], suffix: split.endsWith('_mismatched') ? '_mm' : '', files, examples, officialRows, skipped };
}

/** True where the split lies in the folder. */
export async function hasGlueSplit(folder: string, task: GlueTask, split: GlueSplit): Promise<boolean> {
  if (task.splits[split] === undefined) return false;
  try {
    await splitFiles(await taskFolder(folder, task), task, split);
    return true;
  } catch (error) {
    // Shards that are there in part are for the reader to name.
    return error instanceof DataError;
  }
}

/** The first `count` rows, as the scripts of transformers take them. */
function first(split: TaskSplit, flag: string, count: number | undefined): TaskSplit {
  if (count !== undefined && (!Number.isInteger(count) || count < 1)) throw new UsageError(`--${flag} is ${count}, expected a whole number above 0`);
  return count === undefined || count >= split.examples.length ? split : { ...split, examples: split.examples.slice(0, count) };
}

async function loadGlueTask(options: DataOptions, name: string): Promise<TaskData> {
  const task = glueTask(name);
  const folder = glueFolder(options);
  if (task.splits.train === undefined) {
    throw new UsageError(`${task.title} has no training set`, { hint: task.predictedBy === undefined ? 'choose another task' : `it is predicted by the model of ${glueTasks[task.predictedBy].title}` });
  }
  const dev: TaskSplit[] = [];
  for (const split of ['dev', 'dev_mismatched'] as const) {
    if (task.splits[split] !== undefined) dev.push(await loadGlueSplit(folder, task, split));
  }
  const test: TaskSplit[] = [];
  for (const split of ['test', 'test_mismatched'] as const) {
    if (await hasGlueSplit(folder, task, split)) test.push(await loadGlueSplit(folder, task, split));
  }
  for (const other of Object.values(glueTasks)) {
    if (other.predictedBy === task.name && (await hasGlueSplit(folder, other, 'test'))) test.push(await loadGlueSplit(folder, other, 'test'));
  }
  return { spec: specOfGlue(task), train: await loadGlueSplit(folder, task, 'train'), dev, test };
}

/** A task brings its files, columns and metrics; options for own data beside it would do nothing. */
function refuseOwnDataOptions({ trainFile, validationFile, testFile, textColumnNames, labelColumnName, metricName, doRegression }: DataOptions): void {
  const own = { 'train-file': trainFile, 'validation-file': validationFile, file: testFile, 'text-column-names': textColumnNames, 'label-column-name': labelColumnName, 'metric-name': metricName, 'do-regression': doRegression };
  const given = Object.entries(own).find(([, value]) => value !== undefined && value !== false);
  if (given !== undefined) throw new UsageError(`both --task and --${given[0]} were given, which is for own data`, { hint: 'give --task NAME, or --train-file FILE with its columns' });
}

/**
 * All splits for fine-tuning, cut to the sample limits. Of a GLUE task train and dev must be there; test files and AX (with
 * MNLI) are taken where they are. Throws UsageError and DataError as the readers do.
 */
export async function loadTaskData(options: DataOptions): Promise<TaskData> {
  if (options.task !== undefined) refuseOwnDataOptions(options);
  const data = options.task === undefined ? await loadOwnData(options) : await loadGlueTask(options, options.task);
  return {
    spec: data.spec,
    train: first(data.train, 'max-train-samples', options.maxTrainSamples),
    dev: data.dev.map((split) => first(split, 'max-eval-samples', options.maxEvalSamples)),
    test: data.test.map((split) => first(split, 'max-predict-samples', options.maxPredictSamples)),
  };
}

/** A user's validation file as the split to evaluate; see `loadOwnValidation`. */
export async function loadOwnEvaluation(file: string, options: DataOptions, labels: readonly string[] | undefined): Promise<{ readonly spec: TaskSpec; readonly splits: readonly TaskSplit[] }> {
  const { spec, split } = await loadOwnValidation(file, options, labels);
  return { spec, splits: [first(split, 'max-eval-samples', options.maxEvalSamples)] };
}

/** The splits to evaluate: the one named, or the dev set (both of MNLI's). They must have gold labels. */
export async function loadEvaluationSplits(options: DataOptions & { readonly task: string; readonly split?: string | undefined }): Promise<readonly TaskSplit[]> {
  refuseOwnDataOptions(options);
  const task = glueTask(options.task);
  const names: readonly GlueSplit[] = options.split === undefined ? (['dev', 'dev_mismatched'] as const).filter((name) => task.splits[name] !== undefined) : [glueSplit(task, options.split)];
  const [name] = names;
  if (name === undefined || task.splits[name]?.label === undefined) {
    throw new UsageError(`${task.title}${name === undefined ? ' has no dev set' : `: the split ${name} has no gold labels`}`, { hint: 'use `predict` for rows without labels' });
  }
  const splits: TaskSplit[] = [];
  for (const split of names) splits.push(first(await loadGlueSplit(glueFolder(options), task, split), 'max-eval-samples', options.maxEvalSamples));
  return splits;
}
