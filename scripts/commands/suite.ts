/** `bertwright suite`: models x tasks x seeds, resumable. */
import { pointText } from '../../glue/trials.js';
import { UsageError } from '../../src/data/errors.js';
import type { SuiteChoice } from '../../tasks/options.js';
import { applyEngine, engineLine, precisionOption } from '../cli/engine.js';
import { gridSpec, readGrid } from '../cli/gridFlag.js';
import { engineOptions, glueDataOption } from '../cli/options.js';
import { printJson, printLine } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { finetuneOptions, initOption, initSpec, readAdapter, readHyperparameters, strategy } from '../cli/taskFlags.js';

const { 'save-steps': _saveSteps, 'save-total-limit': _limit, 'save-strategy': _save, 'metric-for-best-model': _metric, ...suiteTraining } = finetuneOptions;

export const suiteCommand: CommandSpec = {
  name: 'suite',
  summary: 'Fine-tune models on tasks with several seeds, each run in a process of its own; a rerun does only what is missing.',
  options: {
    model: { type: 'list', describe: 'checkpoint folders', letter: 'm', required: true },
    tasks: { type: 'list', describe: 'all, or a list of task names', default: 'all' },
    seeds: { type: 'list', describe: 'seeds, for example 1,2,3', default: '42' },
    output: { type: 'string', describe: 'folder of the suite', letter: 'o', required: true },
    overwrite: { type: 'boolean', describe: 'run everything anew' },
    init: initSpec,
    grid: gridSpec,
    'from-task': { type: 'string', describe: 'fine-tune this task first and start others from its model: from mnli RTE, MRPC and STS-B, from any other task all' },
    concurrency: { type: 'number', describe: 'runs beside each other, each in a process with its share of the threads (default: 1)' },
    'dry-run': { type: 'boolean', describe: 'only list the runs, with the time and memory that they would take' },
    ...glueDataOption,
    ...suiteTraining,
    ...engineOptions,
  },
  examples: [
    ['bertwright suite --model runs/pretrain --tasks cola,rte --seeds 1,2,3 --data glue_data --output runs/suite', 'six runs'],
    ['bertwright suite --model runs/pretrain --seeds 1,2,3 --grid learning-rate=2e-5,5e-5 --grid per-device-train-batch-size=16,32 --output runs/grid', 'four settings of each task, the best on dev kept'],
    ['bertwright suite --model runs/pretrain --init random --data glue_data --output runs/random', 'what pretraining was worth'],
  ],
  async run(settings) {
    const seeds = (settings.list('seeds') ?? [settings.string('seeds') ?? '42']).map((text) => {
      const seed = Number(text);
      if (!Number.isSafeInteger(seed) || seed < 0) throw new UsageError(`--seeds: "${text}" is not a whole number of 0 or more`);
      return seed;
    });
    const grid = readGrid(settings);
    const quiet = settings.boolean('quiet') === true;
    const info = await applyEngine(settings, true);
    if (!quiet) console.error(engineLine(info));
    const { runSuite } = await import('../../tasks/suite.js');
    const { formatSeconds } = await import('../../src/train/progress.js');
    const { createSuiteProgress } = await import('../cli/suiteProgress.js');
    const result = await abortOnSignals((signal) =>
      runSuite({
        ...readHyperparameters(settings),
        ...readAdapter(settings),
        models: settings.list('model') ?? [],
        init: initOption(settings),
        tasks: settings.list('tasks') ?? [settings.string('tasks') ?? 'all'],
        seeds,
        data: settings.string('data'),
        output: settings.requiredString('output', 'give a folder with --output'),
        grid,
        fromTask: settings.string('from-task'),
        concurrency: settings.number('concurrency'),
        dryRun: settings.boolean('dry-run'),
        overwrite: settings.boolean('overwrite'),
        maxTrainSamples: settings.number('max-train-samples'),
        maxEvalSamples: settings.number('max-eval-samples'),
        maxPredictSamples: settings.number('max-predict-samples'),
        evalStrategy: strategy(settings, 'eval-strategy'),
        evalSteps: settings.number('eval-steps'),
        loggingSteps: settings.number('logging-steps'),
        earlyStoppingPatience: settings.number('early-stopping-patience'),
        loadBestModelAtEnd: settings.boolean('load-best-model-at-end'),
        doPredict: settings.boolean('predict'),
        matmulPrecision: precisionOption(settings),
        command: settings.commandLine,
        signal,
        progress: createSuiteProgress({ stream: process.stderr, quiet }),
      }),
    );
    if (settings.boolean('json') === true) printJson(result);
    else {
      for (const run of result.runs) {
        const value = run.value === undefined ? '' : `  ${run.metric ?? ''} ${Number(run.value.toFixed(4))}`;
        const estimate = run.estimate === undefined ? '' : `  about ${formatSeconds(run.estimate.seconds)}, ${Math.ceil(run.estimate.bytes / 2 ** 20)} MiB`;
        printLine(`${run.status.padEnd(8)}  ${run.directory}${value}${estimate}${run.error === undefined ? '' : `  ${run.error}`}${run.log === undefined ? '' : `  (log: ${run.log})`}`);
      }
      for (const choice of result.choices) printLine(choiceLine(choice));
      const estimates = result.runs.flatMap((run) => run.estimate ?? []);
      if (estimates.length > 0) {
        const concurrency = settings.number('concurrency') ?? 1;
        printLine(`${estimates.length} runs to make: about ${formatSeconds(estimates.reduce((sum, { seconds }) => sum + seconds, 0) / concurrency)}, loading not counted, and ${Math.ceil((concurrency * Math.max(...estimates.map(({ bytes }) => bytes))) / 2 ** 20)} MiB at most`);
      }
    }
    if ([...result.runs, ...result.choices].some(({ status }) => status === 'failed')) process.exitCode = 1;
  },
};

/** What a search chose, said to be chosen on dev: its score is the best of several on the rows that it is measured on. */
function choiceLine({ status, directory, point, points, metric, mean, standardDeviation, seeds, error }: SuiteChoice): string {
  if (status === 'failed' || point === undefined || mean === undefined) return `no choice  ${directory}  ${error ?? ''}`;
  const deviation = standardDeviation === undefined ? '' : ` ± ${Number(standardDeviation.toFixed(4))}`;
  return `chosen on dev, best of ${points} points  ${directory}  ${pointText(point)}  ${metric} ${Number(mean.toFixed(4))}${deviation}  seeds ${seeds.join(', ')}`;
}
