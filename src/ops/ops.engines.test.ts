import assert from 'node:assert/strict';
import test from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { type AdamWStep, adamwUpdate, lambUpdate, sumOfSquares } from './index.js';
import { assertClose, evaluateCase, type OpResult, whyNot } from './testing/engines.js';
import { largeCases, smallCases } from './testing/opCases.js';

const cases = [...smallCases, ...largeCases];
const engines = ['cpu', 'wasm', 'native'] as const;

test('ops on every engine', async (t) => {
  assert.equal(await whyNot('cpu'), undefined);
  const expected = new Map<string, OpResult>(cases.map((opCase) => [opCase.name, evaluateCase(opCase)]));
  const expectedUpdates = (['AdamW', 'LAMB'] as const).map((rule) => [rule, threeSteps(rule)] as const);

  for (const engine of engines) {
    await t.test(`${engine}: values, gradients and tensor counts of every op`, async (t) => {
      const reason = await whyNot(engine);
      if (reason !== undefined) {
        t.skip(`${engine} is not available here: ${reason}`);
        return;
      }
      for (const opCase of cases) {
        // The cpu engine is the reference itself.
        if (engine !== 'cpu') {
          await t.test(`${opCase.name}: value and gradients are the plain reference's`, () => {
            const actual = evaluateCase(opCase);
            const reference = expected.get(opCase.name) as OpResult;
            assertClose(actual.value, reference.value, 'value');
            reference.gradients.forEach((gradient, i) => { assertClose(actual.gradients[i] ?? [], gradient, `gradient ${i}`); });
          });
        }
        await t.test(`${opCase.name}: no tensor stays behind, with or without a gradient`, () => {
          evaluateCase(opCase);
          const before = tf.memory().numTensors;
          evaluateCase(opCase);
          assert.equal(tf.memory().numTensors, before);
        });
      }

      for (const [rule, expectedUpdate] of expectedUpdates) {
        await t.test(`three ${rule} steps are the plain reference's`, () => {
          threeSteps(rule).forEach((values, i) => { assertClose(values, expectedUpdate[i] ?? [], `tensor ${i}`, 1e-6); });
        });
      }

      await t.test('the sum of squares takes in all tensors, and lets NaN and infinities through', () => {
        const [a, b, nan, infinite] = [tf.tensor1d([1, -2, 3]), tf.tensor2d([[0.5], [4]]), tf.tensor1d([1, Number.NaN]), tf.tensor1d([Number.NEGATIVE_INFINITY])];
        assert.equal(sumOfSquares([a, b]), 30.25);
        assert.equal(sumOfSquares([]), 0);
        assert.ok(Number.isNaN(sumOfSquares([a, nan])));
        assert.equal(sumOfSquares([a, infinite]), Number.POSITIVE_INFINITY);
        tf.dispose([a, b, nan, infinite]);
      });
    });
  }
});

/** Parameters, first and second moments of two tensors (one of a single element) after three steps with decay, clipping and lr factors. */
function threeSteps(rule: 'AdamW' | 'LAMB'): Float32Array[] {
  const wave = (size: number, frequency: number): tf.Tensor1D => tf.tensor1d(Float32Array.from({ length: size }, (_, i) => Math.sin(frequency * (i + 1))));
  const variablesOf = (frequency: number | undefined): tf.Variable[] =>
    [67, 1].map((size) => tf.tidy(() => tf.variable(frequency === undefined ? tf.zeros([size]) : wave(size, frequency))));
  const [parameters, ms, vs] = [variablesOf(0.7), variablesOf(undefined), variablesOf(undefined)];
  for (let t = 1; t <= 3; t++) {
    const gradients = [wave(67, t), wave(1, t)];
    const step: AdamWStep = {
      weightDecay: Float32Array.of(0.01, 0), lrScale: Float32Array.of(1, 0.5), learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-6,
      correction1: 1 - 0.9 ** t, correction2: 1 - 0.999 ** t, gradScale: 0.3,
    };
    if (rule === 'AdamW') adamwUpdate(parameters, gradients, ms, vs, step);
    else lambUpdate(parameters, gradients, ms, vs, { ...step, adapted: [true, false] });
    tf.dispose(gradients);
  }
  const all = [...parameters, ...ms, ...vs];
  const values = all.map((variable) => Float32Array.from(variable.dataSync()));
  tf.dispose(all);
  return values;
}
