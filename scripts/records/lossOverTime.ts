/**
 * Held-out figures of pretraining runs side by side, by step, from their metrics.jsonl.
 *
 *   node dist/scripts/records/lossOverTime.js RUN_DIR…
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error('which runs? usage: lossOverTime.js RUN_DIR…');

type Entry = Readonly<Record<string, number | undefined>>;

/** The evaluations of a run by their step. */
function evaluations(folder: string): Map<number, Entry> {
  const lines = readFileSync(path.join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Entry).filter((entry) => entry['eval_mlm_loss'] !== undefined);
  return new Map(entries.map((entry) => [entry['step'] ?? 0, entry]));
}

const runs = folders.map((folder) => ({ name: path.basename(path.resolve(folder)), entries: evaluations(folder) }));
const steps = [...new Set(runs.flatMap(({ entries }) => [...entries.keys()]))].sort((a, b) => a - b);
const cell = (value: number | undefined, digits: number): string => (value === undefined ? '-' : value.toFixed(digits));

console.log(`| step |${runs.map(({ name }) => ` ${name}: MLM loss | MLM accuracy | NSP accuracy |`).join('')}`);
console.log(`|---:|${runs.map(() => '---:|---:|---:|').join('')}`);
for (const step of steps) {
  const cells = runs.map(({ entries }) => {
    const entry = entries.get(step) ?? {};
    return ` ${cell(entry['eval_mlm_loss'], 3)} | ${cell(entry['eval_mlm_accuracy'], 3)} | ${cell(entry['eval_nsp_accuracy'], 3)} |`;
  });
  console.log(`| ${step} |${cells.join('')}`);
}
