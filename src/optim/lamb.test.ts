import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { near } from './testing/near.js';
import { isOptimizerKind, optimizerKinds } from './optimizerKinds.js';
import { createOptimizer } from './createOptimizer.js';
import { Lamb } from './lamb.js';

await tf.setBackend('cpu');

const norm = (values: readonly number[]): number => Math.hypot(...values);

/** Algorithm 2 of the paper in float64 on one tensor. */
class PlainLamb {
  readonly #m: number[];
  readonly #v: number[];
  #t = 0;

  constructor(
    readonly p: number[],
    readonly decay: number,
    readonly adapted: boolean,
  ) {
    this.#m = p.map(() => 0);
    this.#v = p.map(() => 0);
  }

  update(gradient: readonly number[], rate: number): void {
    this.#t += 1;
    const direction = gradient.map((g, i) => {
      const m = 0.9 * (this.#m[i] ?? 0) + 0.1 * g;
      const v = 0.999 * (this.#v[i] ?? 0) + 0.001 * g * g;
      this.#m[i] = m;
      this.#v[i] = v;
      return m / (1 - 0.9 ** this.#t) / (Math.sqrt(v / (1 - 0.999 ** this.#t)) + 1e-6) + this.decay * (this.p[i] ?? 0);
    });
    const trust = this.adapted && norm(this.p) > 0 && norm(direction) > 0 ? norm(this.p) / norm(direction) : 1;
    direction.forEach((d, i) => {
      this.p[i] = (this.p[i] ?? 0) - rate * trust * d;
    });
  }
}

test('LAMB agrees with float64 arithmetic over 25 updates: matrices scaled to their norm, biases and LayerNorm not, decay, rate factor, gradient scale', () => {
  const start: Record<string, number[]> = { 'dense.weight': [0.7, -1.3, 0.02, 2.5, -0.4, 1.1], 'dense.bias': [0.3, -0.2], 'LayerNorm.weight': [1, 1.2, 0.9] };
  const settings = new Map([['dense.weight', { weightDecay: 0.1, lrScale: 0.5 }]]);
  const variables = new Map(Object.entries(start).map(([name, values]) => [name, tf.variable(tf.tensor1d(values))]));
  const optimizer = new Lamb(variables, { settings });
  const plain = new Map(Object.entries(start).map(([name, values]) => [name, new PlainLamb([...values], name === 'dense.weight' ? 0.1 : 0, name === 'dense.weight')]));
  for (let t = 0; t < 25; t++) {
    const rate = 0.02 * (1 - t / 25);
    const gradients = new Map<string, tf.Tensor>();
    for (const [name, values] of Object.entries(start)) {
      const gradient = values.map((value, i) => Math.sin(value * 3 + t * (i + 1)) * 1e-2);
      gradients.set(name, tf.tensor1d(gradient));
      plain.get(name)?.update(gradient.map((g) => g * 0.25), name === 'dense.weight' ? rate * 0.5 : rate);
    }
    optimizer.applyGradients(gradients, rate, 0.25);
    tf.dispose([...gradients.values()]);
  }
  for (const [name, variable] of variables) near(variable.dataSync(), plain.get(name)?.p ?? [], 3e-6);
  optimizer.dispose();
  tf.dispose([...variables.values()]);
});

test('a matrix moves by the learning rate as a share of its norm, whatever its scale or that of its gradient', () => {
  for (const scale of [1e-3, 1, 1e3]) {
    const values = [3 * scale, -4 * scale];
    const w = tf.variable(tf.tensor2d(values, [1, 2]));
    const optimizer = createOptimizer('lamb', new Map([['w', w]]), {});
    optimizer.applyGradients(new Map([['w', tf.tensor2d([7e4, -2], [1, 2])]]), 0.1);
    const moved = norm([...w.dataSync()].map((value, i) => value - (values[i] ?? 0)));
    assert.ok(Math.abs(moved / (5 * scale) - 0.1) < 1e-5, `moved by ${moved} of ${5 * scale}`);
    optimizer.dispose();
    w.dispose();
  }
});

test('a matrix of zeros, and one without gradient and decay, take the ratio 1: no NaN', () => {
  const [zeros, still] = [tf.variable(tf.zeros([2, 2])), tf.variable(tf.ones([2, 2]))];
  const optimizer = new Lamb(new Map<string, tf.Variable>([['zeros', zeros], ['still', still]]), {});
  optimizer.applyGradients(new Map<string, tf.Tensor>([['zeros', tf.ones([2, 2])], ['still', tf.zeros([2, 2])]]), 0.1);
  near(zeros.dataSync(), [-0.1, -0.1, -0.1, -0.1], 1e-5);
  assert.deepEqual([...still.dataSync()], [1, 1, 1, 1]);
  optimizer.dispose();
  tf.dispose([zeros, still]);
});

test('a state taken and loaded goes on bit for bit, and an update leaves no tensor behind', () => {
  const run = (reload: boolean): Float32Array => {
    const w = tf.tidy(() => tf.variable(tf.tensor2d([0.1, 0.2, 0.3, 0.4], [2, 2]), true));
    let optimizer = createOptimizer('lamb', new Map([['w', w]]), {});
    for (let t = 0; t < 6; t++) {
      if (reload && t === 3) {
        const state = optimizer.state();
        optimizer.dispose();
        optimizer = createOptimizer('lamb', new Map([['w', w]]), {});
        optimizer.load(state);
      }
      const gradient = tf.tensor2d([Math.sin(t), 0.5, -t, 1], [2, 2]);
      optimizer.applyGradients(new Map([['w', gradient]]), 0.01);
      gradient.dispose();
    }
    const result = Float32Array.from(w.dataSync());
    optimizer.dispose();
    w.dispose();
    return result;
  };
  const before = tf.memory().numTensors;
  assert.deepEqual(run(true), run(false));
  assert.equal(tf.memory().numTensors, before);
});

test('the names of the optimizers are those of the command line', () => {
  assert.deepEqual(optimizerKinds.filter(isOptimizerKind), ['adamw', 'adamw-bert', 'lamb']);
  assert.ok(!isOptimizerKind('sgd'));
});
