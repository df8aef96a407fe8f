/**
 * The table of matmul-precision.sh: what each finished run ended with, in both precisions, and the means over the seeds.
 *
 *   node dist/scripts/records/precisionTable.js OUTPUT_DIR
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [, , folder] = process.argv;
if (folder === undefined) throw new Error('which folder of runs? usage: precisionTable.js OUTPUT_DIR');

const figures: readonly { readonly run: string; readonly key: string; readonly name: string; readonly digits: number }[] = [
  { run: 'pretrain', key: 'train_loss', name: 'pretraining: mean training loss', digits: 4 },
  { run: 'pretrain', key: 'eval_mlm_loss', name: 'pretraining: held-out MLM loss', digits: 4 },
  { run: 'pretrain', key: 'eval_nsp_accuracy', name: 'pretraining: held-out NSP accuracy', digits: 4 },
  { run: 'mrpc', key: 'eval_accuracy', name: 'MRPC accuracy', digits: 4 },
  { run: 'mrpc', key: 'eval_f1', name: 'MRPC F1', digits: 4 },
  { run: 'mrpc', key: 'train_loss', name: 'MRPC training loss', digits: 4 },
  { run: 'rte', key: 'eval_accuracy', name: 'RTE accuracy', digits: 4 },
  { run: 'rte', key: 'train_loss', name: 'RTE training loss', digits: 4 },
];
const seeds = [1, 2, 3];

/** The figure of one run, or undefined before the run has ended. */
function figure(run: string, precision: string, seed: number, key: string): number | undefined {
  const file = path.join(folder as string, `${run}-${precision}-${seed}`, 'all_results.json');
  if (!existsSync(file)) return undefined;
  const value = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)[key];
  return typeof value === 'number' ? value : undefined;
}

function cell(values: readonly (number | undefined)[], digits: number): string {
  const known = values.filter((value) => value !== undefined);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const list = values.map((value) => value?.toFixed(digits) ?? '-').join(', ');
  return known.length === seeds.length ? `${list} (${mean.toFixed(digits)})` : list;
}

console.log('| | float32, seeds 1, 2, 3 (mean) | bf16, seeds 1, 2, 3 (mean) |\n|---|---|---|');
for (const { run, key, name, digits } of figures) {
  const cells = ['highest', 'bf16'].map((precision) => cell(seeds.map((seed) => figure(run, precision, seed, key)), digits));
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
