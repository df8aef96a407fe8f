/**
 * The tables of finetune-parity.sh: the dev scores of every finished run beside those of transformers' Trainer, the difference of the
 * means with its interval, and the seconds.
 *
 *   node dist/scripts/records/finetuneParity.js OUTPUT_DIR
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [, , folder] = process.argv;
if (folder === undefined) throw new Error('which folder of runs? usage: finetuneParity.js OUTPUT_DIR');

interface Figure {
  readonly task: string;
  readonly title: string;
  /** Key of all_results.json, a share of 1. */
  readonly key: string;
  /** Dev scores of transformers' Trainer with seeds 42, 1 and 2, in points; empty where it was not run. */
  readonly trainer: readonly number[];
}

const figures: readonly Figure[] = [
  { task: 'cola', title: 'CoLA, Matthews correlation', key: 'eval_matthews_correlation', trainer: [23.7, 30.1, 27.4] },
  { task: 'mrpc', title: 'MRPC, accuracy', key: 'eval_accuracy', trainer: [78.9, 79.2, 77.9] },
  { task: 'mrpc', title: 'MRPC, F1', key: 'eval_f1', trainer: [85.7, 85.5, 85.5] },
  { task: 'stsb', title: 'STS-B, Pearson', key: 'eval_pearson', trainer: [84.5, 84.1, 85.0] },
  { task: 'stsb', title: 'STS-B, Spearman', key: 'eval_spearmanr', trainer: [84.9, 84.5, 85.2] },
  { task: 'rte', title: 'RTE, accuracy', key: 'eval_accuracy', trainer: [57.4, 54.5, 56.7] },
  { task: 'sst2', title: 'SST-2, accuracy', key: 'eval_accuracy', trainer: [] },
  { task: 'qnli', title: 'QNLI, accuracy', key: 'eval_accuracy', trainer: [] },
  { task: 'qqp', title: 'QQP, accuracy', key: 'eval_accuracy', trainer: [] },
  { task: 'qqp', title: 'QQP, F1', key: 'eval_f1', trainer: [] },
  { task: 'mnli', title: 'MNLI matched, accuracy', key: 'eval_accuracy', trainer: [] },
  { task: 'mnli', title: 'MNLI mismatched, accuracy', key: 'eval_accuracy_mm', trainer: [] },
];

/** Seconds of training of transformers' Trainer on its machine: seeds 42, 1, 2. */
const trainerSeconds: Readonly<Record<string, readonly number[]>> = { cola: [347, 345, 343], mrpc: [622, 519, 584], stsb: [744, 700, 717], rte: [619, 596, 593] };

type Results = Readonly<Record<string, unknown>>;

/** all_results.json of the finished runs of a task, by seed. */
function runsOf(task: string): Map<number, Results> {
  const found = new Map<number, Results>();
  for (const suite of ['seeds', 'single']) {
    const root = path.join(folder as string, suite);
    for (const model of existsSync(root) ? readdirSync(root) : []) {
      const runs = path.join(root, model, task);
      for (const name of existsSync(runs) ? readdirSync(runs) : []) {
        const file = path.join(runs, name, 'all_results.json');
        if (existsSync(file)) found.set(Number(name.replace('seed-', '')), JSON.parse(readFileSync(file, 'utf8')) as Results);
      }
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample: with n - 1. */
const variance = (values: readonly number[]): number => values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);

function summary(values: readonly number[]): string {
  if (values.length === 0) return '-';
  return values.length === 1 ? mean(values).toFixed(1) : `${mean(values).toFixed(1)} (sd ${Math.sqrt(variance(values)).toFixed(1)}, n=${values.length})`;
}

/** "difference [interval of two standard errors], allowed": ours may fall below by 1 point or two standard errors, whichever is larger. */
function comparison(ours: readonly number[], theirs: readonly number[]): string {
  if (ours.length < 2 || theirs.length < 2) return '- | -';
  const difference = mean(ours) - mean(theirs);
  const twice = 2 * Math.sqrt(variance(ours) / ours.length + variance(theirs) / theirs.length);
  const allowed = -Math.max(1, twice);
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
  return `${signed(difference)} [${signed(difference - twice)}, ${signed(difference + twice)}] | ${signed(allowed)}: ${difference >= allowed ? 'holds' : 'FAILS'}`;
}

console.log('| dev score | each seed | bertwright | transformers | difference [± 2 standard errors] | least allowed |\n|---|---|---|---|---|---|');
for (const { task, title, key, trainer } of figures) {
  const ours = [...runsOf(task).values()].flatMap((results) => (typeof results[key] === 'number' ? [100 * results[key]] : []));
  if (ours.length === 0) continue;
  console.log(`| ${title} | ${ours.map((value) => value.toFixed(1)).join(', ')} | ${summary(ours)} | ${summary(trainer)} | ${comparison(ours, trainer)} |`);
}
console.log('\n| task | training rows | seconds of training, each seed | transformers\' |\n|---|---|---|---|');
for (const task of new Set(figures.map((figure) => figure.task))) {
  const runs = [...runsOf(task).values()];
  if (runs.length === 0) continue;
  const seconds = runs.map((results) => Number(results['train_runtime']).toFixed(0)).join(', ');
  console.log(`| ${task} | ${String(runs[0]?.['train_samples'])} | ${seconds} | ${trainerSeconds[task]?.join(', ') ?? '-'} |`);
}
