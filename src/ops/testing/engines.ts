/** Runs op cases on one engine after another, for comparisons in float32. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { type EngineName, setEngine } from '../../engine/index.js';
import { inputTensors, type OpCase, outputWeights, randomInputs } from './opCases.js';

/** Makes the engine the active one, with exact products. Returns why it cannot be had, or undefined. */
export async function whyNot(engine: EngineName): Promise<string | undefined> {
  try {
    await setEngine(engine, { matmulPrecision: 'highest' });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export interface OpResult {
  readonly value: Float32Array;
  /** The output again where no gradient is recorded: kernels then store less. */
  readonly inference: Float32Array;
  /** Of the output's weighted sum; none for an op without. */
  readonly gradients: readonly Float32Array[];
}

/** Output and all gradients of a case on the active engine, as host copies. Leaves no tensor behind but those that the op leaks. */
export function evaluateCase(opCase: OpCase, values: readonly Float32Array[] = randomInputs(opCase)): OpResult {
  const inputs = inputTensors(opCase, values);
  const copy = (tensor: tf.Tensor): Float32Array => Float32Array.from(tensor.dataSync());
  const output = tf.tidy(() => opCase.run(...inputs));
  const inference = copy(output);
  const dy = outputWeights(output.shape);
  try {
    if (opCase.forwardOnly === true) return { value: inference, inference, gradients: [] };
    const { value, grads } = tf.valueAndGrads((...all) => opCase.run(...all))(inputs, dy);
    const result = { value: copy(value), inference, gradients: grads.map(copy) };
    tf.dispose([value, grads]);
    return result;
  } finally {
    tf.dispose([inputs, output, dy]);
  }
}

/** The parts of a result with their names. */
export function outputsOf({ value, inference, gradients }: OpResult): { readonly name: string; readonly values: Float32Array }[] {
  return [{ name: 'value', values: value }, { name: 'value without a gradient', values: inference }, ...gradients.map((values, i) => ({ name: `gradient of input ${i}`, values }))];
}

/** Every element within `tolerance` of the largest magnitude of `expected` (or of 1, if that is more). NaN is never close. */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length, `${what}: number of elements`);
  let largest = 1;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i] as number));
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] as number) - (expected[i] as number));
    assert.ok(error <= tolerance * largest, `${what}: element ${i} is ${actual[i]}, expected ${expected[i]} (largest ${largest})`);
  }
}
