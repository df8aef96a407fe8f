/** Which runs a suite has, and where each lies. */
import path from 'node:path';
import { glueTask, glueTaskNames, glueTasks } from '../glue/tasks.js';
import { UsageError } from '../src/data/errors.js';
import { chosenAdapter } from './adapterChoice.js';
import type { AdapterOptions, SuiteOptions, SuiteRun } from './options.js';
import { hasGlueSplit } from './taskData.js';

/** Directory names of the models: the last part of each path, with the part before where two would be equal. */
function modelNames(models: readonly string[], { init, ...options }: Pick<SuiteOptions, 'init'> & AdapterOptions): Map<string, string> {
  const adapter = chosenAdapter(options);
  const suffix = `${init === 'random' ? '-random' : ''}${adapter === undefined ? '' : `-${adapter.type}-${adapter.rank}`}`;
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
 * The runs in their order: models, tasks, seeds. With `fromTask` that task comes first, and the tasks that start from it name its run of the same seed.
 * @throws UsageError for no model, task or seed, models of one name, unknown tasks, and a start that cannot be
 */
export async function plannedRuns(options: SuiteOptions): Promise<SuiteRun[]> {
  if (options.models.length === 0 || options.seeds.length === 0 || options.tasks.length === 0) throw new UsageError('a suite needs at least one model, one task and one seed');
  const folder = options.data ?? process.env['GLUE_DIR'] ?? 'glue_data';
  const { run: chosen, skipped } = await chosenTasks(options, folder);
  const first = options.fromTask === undefined ? undefined : glueTask(options.fromTask).name;
  if (first !== undefined && chosenAdapter(options) !== undefined) throw new UsageError('--from-task with an adapter', { hint: 'an adapter is no model to go on from: fine-tune the first task without one' });
  const run = first === undefined ? chosen : [first, ...chosen.filter((name) => name !== first)];
  const startsThere = (task: string): boolean => first !== undefined && task !== first && (first !== 'mnli' || fromMnli.includes(task));
  const names = modelNames(options.models, options);
  const runs: SuiteRun[] = [];
  for (const model of options.models) {
    for (const task of [...run, ...skipped]) {
      for (const seed of options.seeds) {
        runs.push({
          model,
          ...(options.init === undefined ? {} : { init: options.init }),
          task,
          seed,
          directory: path.join(options.output, `${names.get(model) ?? 'model'}${startsThere(task) ? `-from-${first}` : ''}`, task, `seed-${seed}`),
          ...(startsThere(task) ? { from: path.join(options.output, names.get(model) ?? 'model', first ?? '', `seed-${seed}`) } : {}),
          ...(skipped.includes(task) ? { status: 'skipped', error: `no data for ${glueTask(task).title} in ${folder}` } : { status: 'planned' }),
        });
      }
    }
  }
  return runs;
}
