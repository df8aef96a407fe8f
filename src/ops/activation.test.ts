import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { type Activation, activationReference, activationWithDerivative } from './activation.js';
import { assertClose } from './testing/engines.js';

before(async () => {
  await tf.setBackend('cpu');
});

// x = -3, -1, 0, 0.5, 2, from the definitions in double precision.
const x = [-3, -1, 0, 0.5, 2];
const tabled: readonly [Activation, number[]][] = [
  ['gelu', [-0.0040496940948, -0.1586552539314, 0, 0.3457312306370, 1.9544997361036]],
  ['gelu_new', [-0.0036373920818, -0.1588080093917, 0, 0.3457140152130, 1.9545976600159]],
  ['relu', [0, 0, 0, 0.5, 2]],
  ['tanh', [-0.9950547536867, -0.7615941559558, 0, 0.4621171572600, 0.9640275800758]],
];

for (const [name, expected] of tabled) {
  test(`${name} has its tabled values, alone and beside its derivative`, () => {
    tf.tidy(() => {
      assertClose(activationReference(tf.tensor1d(x), name).dataSync(), expected, name, 5e-7);
      assertClose(activationWithDerivative(tf.tensor1d(x), name).value.dataSync(), expected, name, 5e-7);
    });
  });
}

test('both forms of gelu keep large inputs and drop very negative ones', () => {
  for (const name of ['gelu', 'gelu_new'] as const) {
    tf.tidy(() => assertClose(activationReference(tf.tensor1d([-40, -12, 12, 40]), name).dataSync(), [0, 0, 12, 40], name, 1e-7));
  }
});
