/**
 * The native engine against the plain reference in float64: random shapes and finite differences, on every instruction set that
 * this machine can run. BERTWRIGHT_TEST_SEED=N repeats the shapes of a run that printed N.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { on, once } from 'node:events';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { addon } from '../native/tensors.js';
import { assertClose, evaluateCase, type OpResult, outputsOf, whyNot } from './testing/engines.js';
import type { Expected } from './testing/float64Worker.js';
import { smallCases } from './testing/opCases.js';
import { randomCase, randomOps } from './testing/randomCases.js';

const casesOfAnOp = 200;
const seed = Number(process.env['BERTWRIGHT_TEST_SEED'] ?? randomInt(2 ** 31));

/**
 * Largest error of an element relative to its magnitude and its output's level, and the root mean square of an output's errors
 * relative to the level where it has `manyElements`. The largest over six seeds were 1.0e-5 and 1.0e-6 in float32, 2.5e-2 and 6.8e-3
 * in bf16, whose operands have 8 bits (products of a single row, whose errors do not average out). A kernel one per cent off is found.
 */
const tolerances = { highest: { tolerance: 5e-5, meanTolerance: 1e-5 }, bf16: { tolerance: 6e-2, meanTolerance: 1e-2 } } as const;
/**
 * Attention rounds scores and probabilities one after the other, and its gradients sum hundreds of terms that cancel: the largest over
 * a dozen seeds were 1.3e-1 and 4.2e-2 in bf16 (a sequence of two tokens); in float32 a key's bias, whose gradient is 0, came to 7.3e-6
 * over 733 tokens.
 * attention.test.ts has the close comparison, with a reference whose operands are rounded as well.
 */
const attentionTolerances = { highest: { tolerance: 2e-4, meanTolerance: 1e-5 }, bf16: { tolerance: 4e-1, meanTolerance: 1e-1 } } as const;
const manyElements = 64;
/** Levels below this count as this: rounding inputs of size 1 leaves errors of 1e-7 where the outputs cancel to nothing. */
const smallestLevel = 0.1;

interface Mode {
  readonly name: string;
  readonly isa: string;
  readonly precision: 'highest' | 'bf16';
}

/** Throws where an output differs by more than the mode's precision explains. */
function compare(name: string, mode: Mode, actual: OpResult, { result, levels }: Expected): void {
  const { tolerance, meanTolerance } = (name.startsWith('attention') ? attentionTolerances : tolerances)[mode.precision];
  const expected = outputsOf(result);
  assert.equal(actual.gradients.length, result.gradients.length);
  outputsOf(actual).forEach(({ name: part, values }, o) => {
    const wanted = expected[o]?.values as Float32Array;
    const level = Math.max(levels[o] as number, smallestLevel);
    assert.equal(values.length, wanted.length, `${name}, ${part}: number of elements`);
    let squares = 0;
    for (let i = 0; i < wanted.length; i++) {
      const error = Math.abs((values[i] as number) - (wanted[i] as number));
      squares += error ** 2;
      // Written so that NaN fails too.
      if (!(error <= tolerance * (Math.abs(wanted[i] as number) + level))) {
        assert.fail(`${name}, ${part}: element ${i} is ${values[i]}, expected ${wanted[i]} (level ${level}, seed ${seed})`);
      }
    }
    const mean = Math.sqrt(squares / Math.max(1, wanted.length)) / level;
    if (wanted.length >= manyElements) assert.ok(mean <= meanTolerance, `${name}, ${part}: root mean square error ${mean} of the level ${level} (seed ${seed})`);
  });
}

function use({ isa, precision }: Mode): void {
  addon().setIsa(isa);
  addon().setMatmulPrecision(precision);
}

test(`native ops against float64, seed ${seed} (BERTWRIGHT_TEST_SEED=${seed} repeats it)`, async (t) => {
  const reason = await whyNot('native');
  if (reason !== undefined) {
    t.skip(`native is not available here: ${reason}`);
    return;
  }
  const { available, withBf16 } = addon().info();
  const exact = available.map((isa): Mode => ({ name: isa, isa, precision: 'highest' }));
  const modes: readonly Mode[] = [...exact, ...withBf16.map((isa): Mode => ({ name: `${isa}, bf16`, isa, precision: 'bf16' }))];
  const start = (workerData: unknown): Worker => new Worker(new URL('./testing/float64Worker.js', import.meta.url), { workerData });

  const differences = start(null);
  const [expectedSmall] = (await once(differences, 'message')) as [OpResult[]];
  for (const mode of exact) {
    await t.test(`${mode.name}: every gradient of small cases agrees with central differences of the reference`, () => {
      use(mode);
      smallCases.forEach((opCase, i) => {
        const wanted = expectedSmall[i] as OpResult;
        const actual = evaluateCase(opCase);
        assert.equal(actual.gradients.length, opCase.shapes.length);
        outputsOf(actual).forEach(({ name, values }, o) => { assertClose(values, outputsOf(wanted)[o]?.values ?? [], `${opCase.name}, ${name}`); });
      });
    });
  }
  await differences.terminate();

  const oracle = start({ seed, count: casesOfAnOp });
  let next = 0;
  for await (const [expected] of on(oracle, 'message') as AsyncIterable<[Expected[]]>) {
    const op = randomOps[next] as (typeof randomOps)[number];
    next += 1;
    const cases = expected.map((_, i) => randomCase(op, seed, i));
    for (const mode of op.products === true ? modes : exact) {
      await t.test(`${op.name} on ${mode.name}: value and gradients of ${casesOfAnOp} random shapes are the reference's`, () => {
        use(mode);
        cases.forEach(({ opCase, inputs }, i) => { compare(`${opCase.name} (case ${i})`, mode, evaluateCase(opCase, inputs), expected[i] as Expected); });
      });
    }
    if (next === randomOps.length) break;
  }
  await oracle.terminate();
});
