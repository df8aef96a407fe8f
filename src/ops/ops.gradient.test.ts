import './testing/float64.js';
import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { erf } from './testing/erf.js';
import { checkGradient, useFloat64Backend } from './testing/gradientCheck.js';
import { inputTensors, type OpCase, outputWeights, randomInputs, smallCases } from './testing/opCases.js';

before(useFloat64Backend);

/** The weighted sum of a case's output. */
function scalarOf(opCase: OpCase, inputs: readonly tf.Tensor[]): tf.Scalar {
  const output = opCase.run(...inputs);
  return tf.sum(tf.mul(output, outputWeights(output.shape)));
}

/** The identity whose gradient is one per cent too large. */
const wrongByOnePercent = tf.customGrad<tf.Tensor>((x) => ({ value: (x as tf.Tensor).clone(), gradFunc: (dy) => [tf.mul(dy as tf.Tensor, 1.01)] }));

for (const opCase of smallCases) {
  test(`${opCase.name}: every gradient agrees with finite differences`, () => {
    const inputs = inputTensors(opCase, randomInputs(opCase));
    checkGradient((...variables) => scalarOf(opCase, variables), inputs);
    tf.dispose(inputs);
  });

  test(`${opCase.name}: a gradient that is wrong by one per cent is found, whichever input it belongs to`, () => {
    const inputs = inputTensors(opCase, randomInputs(opCase));
    let found = 0;
    inputs.forEach((input, wrong) => {
      // A slope may be zero (layerNorm of two elements sees only their order), and one per cent of that is nothing.
      const slope = tf.tidy(() => (tf.grads((...all) => scalarOf(opCase, all))(inputs)[wrong] as tf.Tensor).norm().dataSync()[0] as number);
      if (slope < 1e-3) return;
      const spoiled = (...variables: tf.Tensor[]): tf.Scalar => scalarOf(opCase, variables.map((variable, i) => (i === wrong ? wrongByOnePercent(variable) : variable)));
      assert.throws(() => checkGradient(spoiled, inputs), (error: Error) => error.message.includes(`gradient of input ${wrong} [${input.shape.join(', ')}]`));
      found += 1;
    });
    assert.ok(found > 0);
    tf.dispose(inputs);
  });
}

test('a loss that does not reach a variable must not move with it', () => {
  const [x, y] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
  checkGradient((a) => tf.sum((a as tf.Tensor).square()), [x, y]);
  // The value moves with y, the gradient says that it does not.
  const hidden = tf.customGrad<tf.Tensor>((a) => ({ value: (a as tf.Tensor).clone(), gradFunc: (dy) => [tf.zerosLike(dy as tf.Tensor)] }));
  assert.throws(() => checkGradient((a, b) => tf.sum((a as tf.Tensor).mul(hidden(b as tf.Tensor))), [x, y]), /gradient of input 1 \[2\]: slope 0,/);
  tf.dispose([x, y]);
});

test('the error function of the oracle has its tabled values', () => {
  for (const [x, expected] of [[0, 0], [0.5, 0.5204998778130465], [1, 0.8427007929497149], [2, 0.9953222650189527], [3.5, 0.9999992569016276], [7, 1]] as const) {
    assert.ok(Math.abs(erf(x) - expected) < 1e-15, `erf(${x}) = ${erf(x)}`);
    assert.equal(erf(-x), -erf(x));
  }
});
