import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { adamwUpdate, scatterAddRows, sumOfSquares } from '../ops/index.js';
import { whyNot } from '../ops/testing/engines.js';
import { inputTensors, randomInputs, smallCases } from '../ops/testing/opCases.js';
import { loadAddon } from './loadAddon.js';

const loaded = await loadAddon();
const program = fileURLToPath(new URL('testing/misuseProgram.js', import.meta.url));
const calls = 10_000;

// In a process of its own, so that a crash fails this test and no other.
test('of 10,000 random misuses none crashes, writes beside its outputs, or goes without an error that names the argument', { skip: loaded.addon === undefined && loaded.why }, () => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, String(calls), '20'], { encoding: 'utf8', timeout: 120_000 });
  assert.deepEqual([status, signal], [0, null], stderr);
  const { thrown, faults, faultCount } = JSON.parse(stdout) as { thrown: number; faults: string[]; faultCount: number };
  assert.deepEqual([faultCount, faults], [0, []]);
  assert.ok(thrown > calls / 2 && thrown < calls, `${thrown} of ${calls} calls threw`);
});

test('every op refuses a tensor that was disposed, whichever of its inputs it is, and leaves nothing behind', { skip: loaded.addon === undefined && loaded.why }, async () => {
  assert.equal(await whyNot('native'), undefined);
  for (const opCase of smallCases) {
    opCase.shapes.forEach((_, i) => {
      const inputs = inputTensors(opCase, randomInputs(opCase));
      inputs[i]?.dispose();
      const before = tf.memory().numTensors;
      // The two small losses are plain tfjs, with errors of its own.
      const plain = /^(classCrossEntropy|meanSquaredError)/.test(opCase.name);
      const expected = plain ? /disposed|undefined/ : { name: 'TypeError', message: /is used after its disposal/ };
      assert.throws(() => tf.tidy(() => opCase.run(...inputs)), expected, `${opCase.name}, input ${i}`);
      assert.equal(tf.memory().numTensors, before, `${opCase.name}, input ${i}: tensors left behind`);
      tf.dispose(inputs);
    });
  }
  const gone = tf.zeros<tf.Rank.R2>([3, 2]);
  gone.dispose();
  assert.throws(() => scatterAddRows(gone, Int32Array.of(0, 1, 1), 2), /\[3, 2\] is used after its disposal/);
  assert.throws(() => sumOfSquares([gone]), /\[3, 2\] is used after its disposal/);
  const [parameter, m, v] = [0, 0, 0].map(() => tf.variable(tf.ones([3, 2]))) as [tf.Variable, tf.Variable, tf.Variable];
  const step = { weightDecay: Float32Array.of(0), lrScale: Float32Array.of(1), learningRate: 1, beta1: 0.9, beta2: 0.99, epsilon: 1, correction1: 1, correction2: 1, gradScale: 1 };
  assert.throws(() => adamwUpdate([parameter], [gone], [m], [v], step), /\[3, 2\] is used after its disposal/);
  assert.deepEqual([...parameter.dataSync()], [1, 1, 1, 1, 1, 1]);
  tf.dispose([parameter, m, v]);
});
