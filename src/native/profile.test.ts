import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { engineInfo, setEngine } from '../engine/index.js';
import { linear } from '../ops/linear.js';
import { Profile, profiled, type ProfileRow } from './profile.js';
import { nativeActive, nativeBackend } from './tensors.js';

before(() => setEngine('auto'));

/** A fused op, kernels and spans in each other. */
function work(): void {
  tf.tidy(() => {
    profiled('outer', () => {
      profiled('inner', () => {
        const x = tf.ones<tf.Rank.R2>([17, 13]);
        linear(x, tf.ones<tf.Rank.R2>([7, 13]), tf.zeros<tf.Rank.R1>([7]));
      });
      tf.matMul(tf.ones([5, 3]), tf.ones([3, 11])).softmax();
    });
  });
}

function profileOf(run: () => void): Profile {
  const profile = Profile.start();
  try {
    run();
  } finally {
    profile.stop();
  }
  return profile;
}

interface Event {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
}

function eventsOf(profile: Profile): Event[] {
  const trace = JSON.parse(JSON.stringify(profile.trace())) as { traceEvents: Event[] };
  return trace.traceEvents.filter(({ ph }) => ph === 'X');
}

test('off by default: kernels and addon are as registered, spans only run their work; so they are after a profile', () => {
  const kernel = (): unknown => tf.getKernel('Softmax', tf.getBackend()).kernelFunc;
  const addon = (): unknown => (nativeActive() ? nativeBackend().addon : undefined);
  const unwrapped = [kernel(), addon()];
  assert.equal(profiled('span', () => 7), 7);
  const profile = Profile.start();
  assert.notEqual(kernel(), unwrapped[0]);
  assert.throws(() => Profile.start(), /a profile runs already/);
  profile.stop();
  assert.deepEqual([kernel() === unwrapped[0], addon() === unwrapped[1]], [true, true]);
  work();
  assert.deepEqual(profile.rows('kernel'), []);
});

test('the trace is JSON whose events lie in each other as the calls did', () => {
  const events = eventsOf(profileOf(work));
  const find = (name: string): Event => events.find((event) => event.name.startsWith(name)) ?? assert.fail(name);
  for (const { ts, dur, pid, tid } of events) assert.ok(ts >= 0 && dur >= 0 && pid === process.pid && Number.isInteger(tid));
  const lies = (inner: Event, outer: Event): boolean => inner.ts >= outer.ts && inner.ts + inner.dur <= outer.ts + outer.dur + 1e-6;
  assert.ok(lies(find('inner'), find('outer')));
  assert.ok(lies(find('Softmax'), find('outer')) && !lies(find('Softmax'), find('inner')));
  assert.deepEqual(find('BatchMatMul').args, { inputs: { a: [5, 3], b: [3, 11] }, outputs: [[5, 11]] });
  if (engineInfo().engine !== 'native') return;
  const product = find('gemm 5 x 11 x 3');
  assert.ok(lies(product, find('BatchMatMul')));
  assert.ok((product.args['arguments'] as unknown[]).includes('Float32Array(15)'));
  assert.ok(lies(find('linearForward 7 x 13'), find('inner')));
});

test('own times add up to the time of the outermost calls, and totals to those of the events', () => {
  const profile = profileOf(() => {
    work();
    work();
  });
  const rows = (['span', 'kernel', 'native'] as const).flatMap((category) => profile.rows(category));
  const events = eventsOf(profile);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const outer = events.filter(({ name }) => name === 'outer');
  assert.equal(outer.length, 2);
  assert.ok(Math.abs(sum(rows.map(({ selfMs }) => selfMs)) - sum(outer.map(({ dur }) => dur)) / 1000) < 1e-6);
  for (const { category, name, count, totalMs, selfMs } of rows) {
    const own = events.filter((event) => event.cat === category && event.name === name);
    assert.equal(own.length, count, name);
    assert.ok(Math.abs(sum(own.map(({ dur }) => dur)) / 1000 - totalMs) < 1e-6 && selfMs >= -1e-9 && selfMs <= totalMs + 1e-9, name);
  }
});

test('what throws is timed, and what comes after it is in its place', () => {
  const profile = profileOf(() => {
    assert.throws(() => profiled('outer', () => tf.tidy(() => tf.gather(tf.ones([3]), tf.tensor1d([5], 'int32')))));
    profiled('after', () => undefined);
  });
  const row = (name: string): ProfileRow | undefined => profile.rows('span').find((found) => found.name === name);
  assert.equal(row('outer')?.count, 1);
  assert.equal(row('after')?.selfMs, row('after')?.totalMs);
  assert.equal(profile.rows('kernel').find(({ name }) => name === 'GatherV2')?.count, 1);
});
