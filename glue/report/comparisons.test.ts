import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Random } from '../../src/data/random.js';
import { writeReport } from './writeReport.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-comparisons-'));
after(() => rmSync(folder, { recursive: true }));

type Row = Readonly<Record<string, unknown>>;

function writeRun(root: string, name: string, results: Row, sets: Readonly<Record<string, readonly Row[]>>): void {
  const directory = path.join(folder, root, name);
  mkdirSync(path.join(directory, 'predictions'), { recursive: true });
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ kind: 'finetune', settings: { modelSha256: String(results['model']) } }));
  writeFileSync(path.join(directory, 'all_results.json'), JSON.stringify(results));
  for (const [set, rows] of Object.entries(sets)) writeFileSync(path.join(directory, 'predictions', `${set}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** RTE rows of which a share is right. */
function rteRows(right: number, seed: number, rows = 277): Row[] {
  const random = new Random(seed);
  const labels = ['entailment', 'not_entailment'] as const;
  return Array.from({ length: rows }, (_, index) => {
    const label = index % 2;
    return { index, prediction: labels[random.uniform() < right ? label : 1 - label], label: labels[label], logits: [0, 0] };
  });
}

const accuracyOf = (rows: readonly Row[]): number => rows.filter((row) => row['prediction'] === row['label']).length / rows.length;

test('two systems of several seeds are compared by the bootstrap, two single runs by McNemar as well; the table is in Markdown and HTML', async () => {
  const differences: number[] = [];
  for (const [model, right] of [['good', 0.9], ['poor', 0.6]] as const) {
    for (const seed of [1, 2]) {
      const rows = rteRows(right, seed);
      differences.push(accuracyOf(rows));
      writeRun('seeds', `${model}-${seed}`, { task: 'rte', model, seed, eval_accuracy: accuracyOf(rows) }, { dev: rows });
    }
    const rows = rteRows(right, 7);
    writeRun('seeds', `${model}-qnli`, { task: 'qnli', model, seed: 1, eval_accuracy: accuracyOf(rows) }, { dev: rows });
  }
  const { data, markdown, html } = await writeReport([path.join(folder, 'seeds')], { output: path.join(folder, 'seeds', 'report') });
  const [qnli, rte] = data.comparisons;
  assert.deepEqual(data.comparisons.map(({ task, a, b, rows }) => [task, a, b, rows]), [['qnli', 'good', 'poor', 277], ['rte', 'good', 'poor', 277]]);
  const [a1 = 0, a2 = 0, b1 = 0, b2 = 0] = differences;
  assert.ok(Math.abs((rte?.difference ?? 0) - 50 * (a1 + a2 - b1 - b2)) < 1e-9);
  assert.ok(rte !== undefined && rte.low > 15 && rte.high < 45 && rte.p === 0.001 && rte.mcNemar === undefined, JSON.stringify(rte));
  assert.ok(qnli?.mcNemar !== undefined && qnli.mcNemar.p < 1e-6 && qnli.mcNemar.onlyA > qnli.mcNemar.onlyB);
  const rteGood = data.outcomes.find(({ task, system }) => task === 'rte' && system === 'good');
  assert.deepEqual([rteGood?.classes, rteGood?.seeds, rteGood?.counts.map((row) => row.reduce((sum, count) => sum + count, 0))], [['entailment', 'not_entailment'], 2, [2 * 139, 2 * 138]]);
  assert.equal(rteGood?.counts.reduce((sum, row, i) => sum + (row[i] ?? 0), 0), Math.round(277 * (a1 + a2)), 'what is right stands on the diagonal');
  assert.match(readFileSync(html, 'utf8'), /aria-label="RTE, good: predicted against gold; \d+\.\d % of 554 rows on the diagonal"/);
  assert.match(readFileSync(markdown, 'utf8'), /\| RTE \| good \| poor \| \+\d+\.\d ✓ \| \+\d+\.\d to \+\d+\.\d \| ≤ 0\.001 \| – \| 277 \|/);
  assert.match(readFileSync(html, 'utf8'), /Differences between systems/);
});

test('the rows most surely wrong come first, over all seeds, with their texts where the data folder is given', async () => {
  const row = (index: number, label: string, prediction: string, score: number): Row => ({ index, label, prediction, score });
  const seeds = [
    [row(0, 'entailment', 'entailment', 0.9), row(1, 'entailment', 'not_entailment', 0.6), row(2, 'not_entailment', 'entailment', 0.99), row(3, 'entailment', 'not_entailment', 0.7)],
    [row(0, 'entailment', 'not_entailment', 0.8), row(1, 'entailment', 'not_entailment', 0.7), row(2, 'not_entailment', 'entailment', 0.98), row(3, 'entailment', 'entailment', 0.9)],
  ];
  seeds.forEach((rows, i) => {
    writeRun('hard', `seed-${i}`, { task: 'rte', model: 'm', seed: i, eval_accuracy: 0.5 }, { dev: rows });
  });
  const glue = path.join(folder, 'hard-data', 'RTE');
  mkdirSync(glue, { recursive: true });
  writeFileSync(path.join(glue, 'dev.tsv'), `index\tsentence1\tsentence2\tlabel\n${[0, 1, 2, 3].map((i) => `${i}\tfirst <b>${i}</b>\tsecond ${i}\tentailment\n`).join('')}`);
  const { data, html } = await writeReport([path.join(folder, 'hard')], { output: path.join(folder, 'hard', 'report'), data: path.dirname(glue) });
  assert.deepEqual(data.hardest.map(({ index, gold, predicted }) => [index, gold, predicted]), [[2, 'not_entailment', ['entailment']], [1, 'entailment', ['not_entailment']]]);
  assert.ok(Math.abs((data.hardest[0]?.hardness ?? 0) - 0.985) < 1e-12);
  assert.deepEqual(data.hardest[0]?.texts, ['first <b>2</b>', 'second 2']);
  assert.match(readFileSync(html, 'utf8'), /first &lt;b&gt;2&lt;\/b&gt; ‖ second 2/);
  const without = (await writeReport([path.join(folder, 'hard')], { output: path.join(folder, 'hard', 'report') })).data;
  assert.equal(without.hardest[0]?.texts, undefined);
});

test('STS-B by Pearson and Spearman, MNLI by both of its sets', async () => {
  const random = new Random(3);
  const scores = Array.from({ length: 200 }, () => Math.round(random.uniform() * 20) / 4);
  for (const [model, noise] of [['near', 0.5], ['far', 3]] as const) {
    writeRun('kinds', `${model}-stsb`, { task: 'stsb', model, seed: 1, eval_pearson: 0.5, eval_spearmanr: 0.5 }, { dev: scores.map((label, index) => ({ index, prediction: label + noise * random.normal(), label })) });
    const rows = rteRows(noise < 1 ? 0.9 : 0.7, 5).map((row) => ({ ...row, prediction: row['prediction'] === 'entailment' ? 'entailment' : 'neutral', label: row['label'] === 'entailment' ? 'entailment' : 'neutral' }));
    writeRun('kinds', `${model}-mnli`, { task: 'mnli', model, seed: 1, eval_accuracy: 0.5, eval_accuracy_mm: 0.5 }, { dev: rows, dev_mm: rows.slice(0, 100) });
  }
  const { comparisons, outcomes } = (await writeReport([path.join(folder, 'kinds')], { output: path.join(folder, 'kinds', 'report') })).data;
  const spread = outcomes.find(({ task, system }) => task === 'stsb' && system === 'near');
  assert.deepEqual([spread?.classes.length, spread?.classes[3], spread?.counts.flat().reduce((sum, count) => sum + count, 0)], [10, '1.5', 200]);
  for (const score of scores) assert.ok((spread?.counts[Math.min(9, Math.floor(2 * score))]?.reduce((sum, count) => sum + count, 0) ?? 0) > 0);
  assert.deepEqual(comparisons.map(({ task, a, rows }) => [task, a, rows]), [['stsb', 'far', 200], ['mnli', 'far', 377]]);
  assert.ok(comparisons.every(({ high }) => high < 0));
  const [stsb, mnli] = comparisons.map(({ mcNemar }) => mcNemar);
  // Both sets are the same draws of 277 and 100 rows: each row that only one of the two has right counts in either.
  const wrong = (right: number) => rteRows(right, 5).map((row) => row['prediction'] === row['label']);
  const [near, far] = [wrong(0.9), wrong(0.7)];
  const only = (a: readonly boolean[], b: readonly boolean[]): number => [...a, ...a.slice(0, 100)].filter((right, i) => right && ![...b, ...b.slice(0, 100)][i]).length;
  assert.deepEqual([stsb, mnli?.onlyA, mnli?.onlyB], [undefined, only(far, near), only(near, far)]);
});

test('runs without gold labels, of other rows, or with a broken file are not compared, and the report is made all the same', async () => {
  const rows = rteRows(0.8, 1);
  writeRun('partial', 'a', { task: 'rte', model: 'a', seed: 1, eval_accuracy: 0.8 }, { dev: rows });
  writeRun('partial', 'b', { task: 'rte', model: 'b', seed: 1, eval_accuracy: 0.8 }, { dev: rows.map(({ label: _, ...row }) => row) });
  writeRun('partial', 'c', { task: 'rte', model: 'c', seed: 1, eval_accuracy: 0.8 }, { dev: rows.slice(1) });
  writeRun('partial', 'd', { task: 'rte', model: 'd', seed: 1, eval_accuracy: 0.8 }, { dev: [...rows, { index: 1, prediction: 'maybe', label: 'entailment' }] });
  writeRun('partial', 'e', { task: 'rte', model: 'e', seed: 1, eval_accuracy: 0.8 }, {});
  writeRun('partial', 'f', { task: 'rte', model: 'f', seed: 1, eval_accuracy: 0.8 }, { dev: rows });
  writeFileSync(path.join(folder, 'partial', 'e', 'predictions', 'dev.jsonl'), '{"index":');
  const { comparisons } = (await writeReport([path.join(folder, 'partial')], { output: path.join(folder, 'partial', 'report') })).data;
  assert.deepEqual(comparisons.map(({ a, b, difference, p }) => [a, b, difference, p]), [['a', 'f', 0, 1]]);
});
