/** Which runs a suite has, and where each lies. */
import path from 'node:path';
import { glueTask, glueTaskNames, glueTasks } from '../glue/tasks.js';
import { pointDirectory, trialsFolder } from '../glue/trials.js';
import { UsageError } from '../src/data/errors.js';
import { chosenAdapter, refuseUnsavedBase } from './adapterChoice.js';
import { checkPoints, gridPoints, type SearchOptions } from './grid/points.js';
import type { SuiteOptions, SuiteRun } from './options.js';
import { hasGlueSplit } from './taskData.js';
import { specOfGlue } from './taskSpec.js';

/** Directory names of the models: the last part of each path, with the part before where two would be equal. */
function modelNames(models: readonly string[], { init, ...options }: Pick<SuiteOptions, 'init'> & SearchOptions): Map<string, string> {
  const adapter = chosenAdapter(options);
  // A rank that is searched differs by task: it is no part of the name.
  const rank = options.grid?.loraR === undefined && options.grid?.bottleneckSize === undefined ? `-${adapter?.rank}` : '';
  const suffix = `${init === 'random' ? '-random' : ''}${adapter === undefined ? '' : `-${adapter.type}${rank}`}`;
  const last = models.map((model) => path.basename(path.resolve(model)));
  const names = new Map<string, string>();
  models.forEach((model, i) => {
    const name = last[i] ?? 'model';
    const unique = last.filter((other) => other === name).length === 1;
    names.set(model, `${unique ? name : `${path.basename(path.dirname(path.resolve(model)))}-${name}`}${suffix}`);
  });
  if (new Set(names.values()).size !== models.length) throw new UsageError('two of the models would have the same directory name', { hint: 'rename one of their folders' });
  return names;
}

/** The tasks to run, and those of `all` that have no data. A task named without data is a UsageError of its own run. */
async function chosenTasks(options: SuiteOptions, folder: string): Promise<{ run: string[]; skipped: string[] }> {
  if (!options.tasks.includes('all')) return { run: [...new Set(options.tasks.map((name) => glueTask(name).name))], skipped: [] };
  const run: string[] = [];
  const skipped: string[] = [];
  for (const name of glueTaskNames) {
    if (glueTasks[name].splits.train === undefined) continue;
    const complete = (await hasGlueSplit(folder, glueTasks[name], 'train')) && (await hasGlueSplit(folder, glueTasks[name], 'dev'));
    (complete ? run : skipped).push(name);
  }
  if (run.length === 0) throw new UsageError(`no task has data in ${folder}`, { hint: 'give the folder that holds CoLA, SST-2, … with --data, or set GLUE_DIR' });
  return { run, skipped };
}

/** What starts from MNLI's model as the field does it (Phang et al., 2018, https://arxiv.org/abs/1811.01088); from any other task's all others do. */
const fromMnli: readonly string[] = ['rte', 'mrpc', 'stsb'];

/**
 * The runs in their order: models, tasks, points, seeds. With `fromTask` that task comes first, and the tasks that start from it name its run of the same
 * seed; with a grid that is the run of its chosen point.
 * @throws UsageError for no model, task or seed, models of one name, unknown tasks, a start that cannot be, and a grid as `gridPoints` and `checkPoints` do
 */
export async function plannedRuns(options: SuiteOptions): Promise<SuiteRun[]> {
  if (options.models.length === 0 || options.seeds.length === 0 || options.tasks.length === 0) throw new UsageError('a suite needs at least one model, one task and one seed');
  const folder = options.data ?? process.env['GLUE_DIR'] ?? 'glue_data';
  const { run: chosen, skipped } = await chosenTasks(options, folder);
  const first = options.fromTask === undefined ? undefined : glueTask(options.fromTask).name;
  const adapted = chosenAdapter(options) !== undefined;
  if (first !== undefined && adapted) throw new UsageError('--from-task with an adapter', { hint: 'an adapter is no model to go on from: fine-tune the first task without one' });
  if (adapted) refuseUnsavedBase(options);
  const run = first === undefined ? chosen : [first, ...chosen.filter((name) => name !== first)];
  const startsThere = (task: string): boolean => first !== undefined && task !== first && (first !== 'mnli' || fromMnli.includes(task));
  const names = modelNames(options.models, options);
  const points = gridPoints(options);
  checkPoints(options, points, run.map((name) => specOfGlue(glueTask(name))));
  const runs: SuiteRun[] = [];
  for (const model of options.models) {
    for (const task of [...run, ...skipped]) {
      const place = path.join(options.output, `${names.get(model) ?? 'model'}${startsThere(task) ? `-from-${first}` : ''}`, task);
      const tried = points.length === 0 || skipped.includes(task) ? [undefined] : points;
      for (const point of tried) {
        for (const seed of options.seeds) {
          runs.push({
            model,
            ...(options.init === undefined ? {} : { init: options.init }),
            task,
            ...(point === undefined ? {} : { point }),
            seed,
            directory: path.join(place, ...(point === undefined ? [] : [trialsFolder, pointDirectory(point)]), `seed-${seed}`),
            ...(startsThere(task) ? { from: path.join(options.output, names.get(model) ?? 'model', first ?? '', `seed-${seed}`) } : {}),
            ...(skipped.includes(task) ? { status: 'skipped', error: `no data for ${glueTask(task).title} in ${folder}` } : { status: 'planned' }),
          });
        }
      }
    }
  }
  return runs;
}

/** The runs of a model and a task, by their places in the list of all. */
export interface RunGroup {
  /** The task's folder. */
  readonly directory: string;
  /** Whether one of several points has to be chosen. */
  readonly searched: boolean;
  readonly members: readonly number[];
}

/** The runs by model and task, in their order. */
export function runGroups(runs: readonly SuiteRun[]): RunGroup[] {
  const groups = new Map<string, { directory: string; searched: boolean; members: number[] }>();
  for (const [i, run] of runs.entries()) {
    const directory = run.point === undefined ? path.dirname(run.directory) : path.join(run.directory, '../../..');
    const group = groups.get(directory) ?? { directory, searched: run.point !== undefined, members: [] };
    group.members.push(i);
    groups.set(directory, group);
  }
  return [...groups.values()];
}
