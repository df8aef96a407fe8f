import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { near } from './testing/near.js';
import { AdamW, type AdamWKind } from './adamw.js';
import { clipFactor } from './clipping.js';

await tf.setBackend('cpu');

/** The update in float64 on plain arrays, from the paper's equations. */
class PlainAdamW {
  readonly #m: number[];
  readonly #v: number[];
  #t = 0;

  constructor(
    readonly p: number[],
    readonly kind: AdamWKind,
    readonly epsilon: number,
    readonly decay: number,
  ) {
    this.#m = p.map(() => 0);
    this.#v = p.map(() => 0);
  }

  update(gradient: readonly number[], rate: number): void {
    this.#t += 1;
    const c1 = this.kind === 'adamw' ? 1 - 0.9 ** this.#t : 1;
    const c2 = this.kind === 'adamw' ? 1 - 0.999 ** this.#t : 1;
    gradient.forEach((g, i) => {
      const m = 0.9 * (this.#m[i] ?? 0) + 0.1 * g;
      const v = 0.999 * (this.#v[i] ?? 0) + 0.001 * g * g;
      this.#m[i] = m;
      this.#v[i] = v;
      const p = this.p[i] ?? 0;
      this.p[i] = p - rate * (m / c1 / (Math.sqrt(v / c2) + this.epsilon) + this.decay * p);
    });
  }
}

test('the first corrected update moves each weight by the learning rate against the sign of its gradient', () => {
  const w = tf.variable(tf.tensor1d([1, -2, 0.5]));
  const optimizer = new AdamW(new Map([['w', w]]), { kind: 'adamw' });
  // m / c1 = g and v / c2 = g^2, so the step is lr * g / (|g| + 1e-8).
  optimizer.applyGradients(new Map([['w', tf.tensor1d([0.3, -4, 0.001])]]), 0.1);
  near(w.dataSync(), [0.9, -1.9, 0.4], 1e-5);
  w.dispose();
  optimizer.dispose();
});

test('the first uncorrected update is larger by the factor 0.1 / sqrt(0.001), 3.16', () => {
  const w = tf.variable(tf.tensor1d([1, -2]));
  const optimizer = new AdamW(new Map([['w', w]]), { kind: 'adamw-bert' });
  optimizer.applyGradients(new Map([['w', tf.tensor1d([0.3, -4])]]), 0.1);
  near(w.dataSync(), [1 - 0.31622, -2 + 0.31622], 1e-4);
  w.dispose();
  optimizer.dispose();
});

for (const kind of ['adamw', 'adamw-bert'] as const) {
  test(`${kind} agrees with float64 arithmetic over 25 updates, with decay, per-parameter rate and gradient scale`, () => {
    const start = { w: [0.7, -1.3, 0.02, 2.5, -0.4, 1.1], bias: [0.3, -0.2] };
    const w = tf.variable(tf.tensor2d(start.w, [2, 3]));
    const bias = tf.variable(tf.tensor1d(start.bias));
    const settings = new Map([
      ['w', { weightDecay: 0.1, lrScale: 0.5 }],
      ['bias', { weightDecay: 0, lrScale: 1 }],
    ]);
    const optimizer = new AdamW(new Map<string, tf.Variable>([['w', w], ['bias', bias]]), { kind, settings });
    const epsilon = kind === 'adamw' ? 1e-8 : 1e-6;
    const plainW = new PlainAdamW([...start.w], kind, epsilon, 0.1);
    const plainBias = new PlainAdamW([...start.bias], kind, epsilon, 0);
    for (let t = 0; t < 25; t++) {
      const gw = start.w.map((value, i) => Math.sin(value * 3 + t * (i + 1)));
      const gb = start.bias.map((value, i) => Math.cos(value + t * 0.7 + i) * 1e-2);
      const rate = 0.02 * (1 - t / 25);
      const gradients = new Map<string, tf.Tensor>([['w', tf.tensor2d(gw, [2, 3])], ['bias', tf.tensor1d(gb)]]);
      optimizer.applyGradients(gradients, rate, 0.25);
      for (const gradient of gradients.values()) gradient.dispose();
      plainW.update(gw.map((g) => g * 0.25), rate * 0.5);
      plainBias.update(gb.map((g) => g * 0.25), rate);
    }
    near(w.dataSync(), plainW.p, 3e-6);
    near(bias.dataSync(), plainBias.p, 3e-6);
    optimizer.dispose();
    w.dispose();
    bias.dispose();
  });
}

test('a state taken and loaded goes on bit for bit; a missing moment is named; nothing leaks', () => {
  const before = tf.memory().numTensors;
  const run = (reload: boolean): Float32Array => {
    const w = tf.tidy(() => tf.variable(tf.tensor1d([0.1, 0.2, 0.3]), true));
    let optimizer = new AdamW(new Map([['w', w]]), { kind: 'adamw' });
    for (let t = 0; t < 6; t++) {
      if (reload && t === 3) {
        const state = optimizer.state();
        assert.equal(state.step, 3);
        optimizer.dispose();
        optimizer = new AdamW(new Map([['w', w]]), { kind: 'adamw' });
        optimizer.load(state);
        assert.throws(() => optimizer.load({ step: 3, moments: new Map() }), /no moments of "w"/);
      }
      const gradient = tf.tensor1d([Math.sin(t), 0.5, -t]);
      optimizer.applyGradients(new Map([['w', gradient]]), 0.01);
      gradient.dispose();
    }
    const result = Float32Array.from(w.dataSync());
    optimizer.dispose();
    w.dispose();
    return result;
  };
  assert.deepEqual(run(true), run(false));
  assert.equal(tf.memory().numTensors, before);
});

test('a parameter without a gradient stays as it is, decay included; an unknown name is refused', () => {
  const w = tf.variable(tf.tensor1d([1, 2]));
  const unused = tf.variable(tf.tensor1d([3]));
  const settings = new Map([['unused', { weightDecay: 0.5, lrScale: 1 }]]);
  const optimizer = new AdamW(new Map([['w', w], ['unused', unused]]), { kind: 'adamw', settings });
  optimizer.applyGradients(new Map([['w', tf.tensor1d([1, 1])]]), 0.1);
  assert.deepEqual([...unused.dataSync()], [3]);
  assert.throws(() => optimizer.applyGradients(new Map([['q', tf.tensor1d([1])]]), 0.1), /"q"/);
  assert.equal(optimizer.step, 1, 'a refused update does not count');
  optimizer.dispose();
});

test('the clip factor scales down to the largest norm and never up', () => {
  assert.equal(clipFactor(4, 1), 0.25);
  assert.equal(clipFactor(0.5, 1), 1);
  assert.equal(clipFactor(7, 0), 1);
});
