import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { writeReport } from './writeReport.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-collapsed-'));
after(() => rmSync(folder, { recursive: true }));

function writeRun(task: string, seed: number, results: Readonly<Record<string, unknown>>, predictions: readonly (string | number)[], labels: readonly (string | number)[]): void {
  const directory = path.join(folder, task, `seed-${seed}`);
  mkdirSync(path.join(directory, 'predictions'), { recursive: true });
  writeFileSync(path.join(directory, 'all_results.json'), JSON.stringify({ task, model: 'mini', seed, ...results }));
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ kind: 'finetune', status: 'complete' }));
  const lines = predictions.map((prediction, index) => JSON.stringify({ index, prediction, score: 0.5, label: labels[index] }));
  writeFileSync(path.join(directory, 'predictions', 'dev.jsonl'), `${lines.join('\n')}\n`);
}

test('a model that says one class for every row is told by its predictions, whichever class it is and whichever seed', async () => {
  const gold = ['entailment', 'not_entailment', 'not_entailment', 'entailment'];
  // The training majority is the other class, so that the score tells nothing.
  const results = { eval_accuracy: 0.5, majority_prediction: 0, majority_accuracy: 0.75 };
  writeRun('rte', 1, results, ['entailment', 'entailment', 'not_entailment', 'not_entailment'], gold);
  writeRun('rte', 2, results, gold.map(() => 'not_entailment'), gold);
  writeRun('stsb', 1, { eval_pearson: 0, eval_spearmanr: 0, eval_combined_score: 0 }, [2.5, 2.5, 2.5], [1, 2, 3]);
  const { data } = await writeReport([folder], { output: path.join(folder, 'report') });
  const tasks = data.systems.find(({ group }) => group === 'measured')?.tasks;
  assert.equal(tasks?.rte?.collapsed, 'predicts "not_entailment" for every row with seed 2');
  assert.equal(tasks?.stsb?.collapsed, 'predicts one score for every row');
  assert.ok(data.remarks.some((remark) => remark.startsWith('mini on RTE predicts "not_entailment" for every row with seed 2')));
});
