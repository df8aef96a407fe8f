import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { glueTasks } from '../glue/tasks.js';
import { betterOrder, countRows, emptyConfusionMatrix, labelOrderWarning } from './labelOrderCheck.js';
import { specOfGlue } from './taskSpec.js';

const straight = [0, 1, 2];
/** Google's order of MNLI's labels: its model's class of entailment is 1, of neutral 2, of contradiction 0. */
const google = [1, 2, 0];

/** Rows of a model that reads `labelMap`: `right` of each class are so, `wrong` fall on each other class. */
function confusionOf(labelMap: readonly number[], right: number, wrong: number): number[][] {
  const confusion = emptyConfusionMatrix(labelMap.length);
  labelMap.forEach((model, gold) => {
    confusion.forEach((row, predicted) => {
      row[gold] = predicted === model ? right : wrong;
    });
  });
  return confusion;
}

describe('another order of the labels', () => {
  test('is found among all orders of three classes and of two', () => {
    for (const labelMap of [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
      assert.deepEqual(betterOrder(confusionOf(labelMap, 80, 10), straight), { labelMap, accuracy: 0.8 }, labelMap.join());
    }
    assert.deepEqual(betterOrder(confusionOf([1, 0], 75, 25), [0, 1]), { labelMap: [1, 0], accuracy: 0.75 });
  });
  test('is looked for from the order taken, whichever that is', () => {
    assert.deepEqual(betterOrder(confusionOf(straight, 80, 10), google), { labelMap: straight, accuracy: 0.8 });
    assert.equal(betterOrder(confusionOf(google, 80, 10), google), undefined);
  });
  // 1000 rows; classes 1 and 2 swapped would gain `gain` rows. 100 rows are 10 points.
  const gaining = (gain: number): number[][] => [[400, 0, 0], [0, 100, 200], [0, 100 + gain / 2, 200 - gain / 2]];
  test('must be better by more than ten points of accuracy', () => {
    assert.equal(betterOrder(gaining(100), straight), undefined);
    assert.deepEqual(betterOrder(gaining(102), straight), { labelMap: [0, 2, 1], accuracy: 0.751 });
  });
  // All rows right when read the other way: n rows gain n, and the error is the root of n, so 16 rows are just 4 errors.
  test('must be better by more than four standard errors', () => {
    assert.equal(betterOrder([[0, 8], [8, 0]], [0, 1]), undefined);
    assert.deepEqual(betterOrder([[0, 9], [9, 0]], [0, 1]), { labelMap: [1, 0], accuracy: 1 });
    assert.equal(betterOrder(confusionOf(google, 2, 1), straight), undefined, 'a few rows');
  });
  test('is nothing that a model tells which always answers the same, or without looking', () => {
    // MRPC's dev set, all taken for the smaller class: the other way round it were right in 279 of 408.
    assert.equal(betterOrder([[129, 279], [0, 0]], [0, 1]), undefined);
    // The same, with answers that do not depend on the gold label.
    assert.equal(betterOrder([[117, 253], [12, 26]], [0, 1]), undefined);
    // A model that knows something, though its accuracy hardly passes that of the larger class.
    assert.deepEqual(betterOrder([[30, 200], [99, 79]], [0, 1])?.labelMap, [1, 0]);
  });
  test('of no rows, one class or more than three is none', () => {
    assert.equal(betterOrder(emptyConfusionMatrix(3), straight), undefined);
    assert.equal(betterOrder([[50]], [0]), undefined);
    assert.equal(betterOrder(confusionOf([1, 2, 3, 0], 50, 0), [0, 1, 2, 3]), undefined);
  });
});

test('the warning gives both accuracies and the flag with its value, in the order of the outputs', () => {
  assert.equal(
    labelOrderWarning(specOfGlue(glueTasks.mnli), confusionOf(google, 90, 5), straight),
    'the model does not name its labels; taken as entailment, neutral, contradiction it is right in 5.0% of 300 rows, as contradiction, entailment, neutral in 90.0%. If that is the order of its outputs, give --label-order contradiction,entailment,neutral',
  );
  assert.equal(labelOrderWarning(specOfGlue(glueTasks.mnli), confusionOf(straight, 90, 5), straight), undefined);
});

test('rows are counted by predicted and gold class, those without a gold label left out', () => {
  const confusion = emptyConfusionMatrix(2);
  countRows(confusion, Int32Array.of(0, 1, 1, 1), [0, 0, 1, undefined]);
  countRows(confusion, Int32Array.of(1), [0]);
  assert.deepEqual(confusion, [[1, 0], [2, 1]]);
});
