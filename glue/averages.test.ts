import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { glueAverage, glueAverages, type SystemMetrics, taskScore } from './averages.js';
import { collapseSignature, majorityBaseline } from './baselines.js';
import { publishedResults, publishedRows } from './published.js';
import { glueTasks } from './tasks.js';

const average = (name: string) => {
  const found = glueAverages.find((candidate) => candidate.name === name);
  assert.ok(found);
  return found;
};
const averageOf = (name: string, system: SystemMetrics): number => {
  const result = glueAverage(average(name), system);
  assert.ok('value' in result, JSON.stringify(result));
  return result.value;
};

describe('averages', () => {
  for (const id of ['bert-tiny', 'bert-mini', 'bert-small', 'bert-medium', 'bert-base', 'bert-large']) {
    test(`the printed average of ${id} comes out within 0.1 by its own rule`, () => {
      const [row] = publishedRows([id]);
      assert.ok(row?.printedAverage);
      assert.ok(Math.abs(averageOf(row.printedAverage.definition, row.metrics) - row.printedAverage.value) <= 0.1, `${averageOf(row.printedAverage.definition, row.metrics)}`);
    });
  }
  // Worked by hand: task scores 10, 20, 35 (30, 40), 45 (40, 50), 55 (50, 60), 75 (70, 80), 80, 90 and WNLI 56.
  const system: SystemMetrics = {
    cola: { matthews_correlation: 10 }, sst2: { accuracy: 20 }, mrpc: { accuracy: 30, f1: 40 }, stsb: { pearson: 40, spearmanr: 50 }, qqp: { accuracy: 50, f1: 60 },
    mnli: { accuracy: 70, accuracy_mm: 80 }, qnli: { accuracy: 80 }, rte: { accuracy: 90 }, wnli: { accuracy: 56 },
  };
  test('the three rules differ as written', () => {
    assert.equal(averageOf('Leaderboard', system), 466 / 9);
    assert.equal(averageOf('Eight-task mean', system), 410 / 8);
    assert.equal(averageOf('BERT paper', system), (70 + 80 + 60 + 80 + 20 + 10 + 50 + 40 + 90) / 9);
  });
  test('a missing task or metric is named and nothing is averaged over the rest', () => {
    const { wnli: _, ...rest } = system;
    assert.deepEqual(glueAverage(average('Leaderboard'), rest), { missing: ['wnli'] });
    assert.deepEqual(glueAverage(average('BERT paper'), { ...system, mnli: { accuracy: 70 } }), { missing: ['mnli.accuracy_mm'] });
  });
  test('a task score needs all its metrics', () => {
    assert.equal(taskScore('mrpc', { accuracy: 30, f1: 40 }), 35);
    assert.equal(taskScore('mrpc', { accuracy: 30 }), undefined);
    assert.equal(taskScore('ax', { matthews_correlation: 21 }), 21);
  });
});

describe('published rows', () => {
  test('ids are unique and every metric is a percentage of a metric that the task has', () => {
    assert.equal(new Set(publishedResults.map((row) => row.id)).size, publishedResults.length);
    for (const row of publishedResults) {
      for (const [task, metrics] of Object.entries(row.metrics)) {
        for (const [name, value] of Object.entries(metrics)) {
          assert.ok(glueTasks[task as keyof typeof glueTasks].metrics.some((metric) => metric === name.replace('_mm', '')), `${row.id} ${task} ${name}`);
          assert.ok(value >= 0 && value <= 100);
        }
      }
    }
  });
  test('an unknown id suggests the near match', () => assert.throws(() => publishedRows(['bert-tinny']), /Did you mean "bert-tiny"/));
});

describe('majority baseline', () => {
  test('takes the train majority and scores it on the references', () => {
    const { prediction, metrics } = majorityBaseline(glueTasks.mrpc, [1, 1, 0], [1, 1, 1, 0]);
    assert.equal(prediction, 1);
    assert.equal(metrics['accuracy'], 0.75);
    assert.equal(metrics['f1'], 6 / 7);
  });
  test('of regression is the mean, with undefined correlations as 0', () => {
    assert.deepEqual(majorityBaseline(glueTasks.stsb, [1, 2], [3, 4, 5]), { prediction: 1.5, metrics: { pearson: 0, spearmanr: 0, combined_score: 0 } });
  });
  test('a result equal to it is flagged as collapsed, another is not', () => {
    const majority = majorityBaseline(glueTasks.sst2, [1, 1, 0], [1, 0, 1, 0]);
    assert.match(collapseSignature(glueTasks.sst2, { accuracy: 0.5 }, majority) ?? '', /positive/);
    assert.equal(collapseSignature(glueTasks.sst2, { accuracy: 0.75 }, majority), undefined);
  });
});
