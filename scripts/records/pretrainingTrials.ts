/**
 * The table of pretraining-trials.sh: of each finished trial its settings, tokens, held-out figures and the pilot's score.
 *
 *   node dist/scripts/records/pretrainingTrials.js OUTPUT_DIR TRIALS_FILE
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [, , folder, list] = process.argv;
if (folder === undefined || list === undefined) throw new Error('which trials? usage: pretrainingTrials.js OUTPUT_DIR TRIALS_FILE');

type Results = Readonly<Record<string, unknown>>;

function results(...parts: string[]): Results | undefined {
  const file = path.join(folder as string, ...parts, 'all_results.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
}

const number = (of: Results | undefined, key: string, digits: number, factor = 1): string => {
  const value = of?.[key];
  return typeof value === 'number' ? (factor * value).toFixed(digits) : '-';
};

/** Seeds that no reported suite uses. */
const pilotSeeds = [101, 102, 103];

/** The mean over the seeds that have run, and each of them. */
function pilotScores(name: string): string {
  const scores = pilotSeeds.flatMap((seed) => {
    const score = results('pilot', name, 'stsb', `seed-${seed}`)?.['eval_spearmanr'];
    return typeof score === 'number' ? [100 * score] : [];
  });
  if (scores.length === 0) return '-';
  return `${(scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(1)} (${scores.map((score) => score.toFixed(1)).join(', ')})`;
}

console.log('| trial | vocabulary | flags | steps | M tokens | MLM loss | of unigrams | NSP accuracy | STS-B Spearman |\n|---|---:|---|---:|---:|---:|---:|---:|---:|');
for (const line of readFileSync(list, 'utf8').split('\n')) {
  if (line.trim() === '' || line.startsWith('#')) continue;
  const [name = '', size = '', flags = ''] = line.split('|').map((part) => part.trim());
  const run = results('runs', name);
  if (run === undefined) continue;
  const cells = [name, size, `\`${flags}\``, number(run, 'steps', 0), number(run, 'train_tokens', 1, 1e-6), number(run, 'eval_mlm_loss', 3), number(run, 'eval_unigram_loss', 3)];
  console.log(`| ${[...cells, number(run, 'eval_nsp_accuracy', 3), pilotScores(name)].join(' | ')} |`);
}
