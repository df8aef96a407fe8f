/** Compares gradients with central differences along random directions, in float64 (see float64.ts, to be imported first). */
import * as tf from '@tensorflow/tfjs';
import { Random } from '../../data/random.js';
import { erf } from './erf.js';

export interface GradientCheckOptions {
  /** Random directions for each variable; default 2. */
  readonly directions?: number | undefined;
  /** Length of a step to each side; default 1e-5. */
  readonly step?: number | undefined;
  /** Largest relative error accepted; default 1e-6. */
  readonly tolerance?: number | undefined;
  readonly seed?: number | undefined;
}

/** Relative errors are taken against at least this slope, since a difference quotient has an absolute error of about 1e-10. */
const smallestSlope = 1e-4;

/**
 * Makes the cpu backend the active one and proves that it computes in float64. Its erf kernel is an approximation to 1.5e-7,
 * whose slope is not the density that gradients are made of, so an exact one takes its place.
 */
export async function useFloat64Backend(): Promise<void> {
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const one = tf.tidy(() => tf.scalar(1).add(1e-12).dataSync()[0]);
  if (one === 1) throw new Error("tfjs computes in float32: import 'ops/testing/float64.js' before every other module");
  tf.unregisterKernel('Erf', 'cpu');
  tf.registerKernel({
    kernelName: 'Erf',
    backendName: 'cpu',
    kernelFunc: ({ inputs }) => {
      const x = inputs['x'] as tf.TensorInfo;
      const values = tf.backend().readSync(x.dataId) as Float32Array;
      const dataId = tf.backend().write(values.map(erf), x.shape, 'float32');
      return { dataId, shape: x.shape, dtype: 'float32' };
    },
  });
}

/**
 * Checks the gradient of `f` for each of its inputs.
 * @param f scalar function of the inputs, the same at every call
 * @returns the largest relative error @throws Error naming the first input whose gradient is wrong
 */
export function checkGradient(f: (...inputs: tf.Tensor[]) => tf.Scalar, inputs: readonly tf.Tensor[], options: GradientCheckOptions = {}): number {
  const variables = inputs.map((input) => tf.variable(input));
  try {
    return checkVariableGradients(() => f(...variables), new Map(variables.map((variable, i) => [`input ${i} [${variable.shape.join(', ')}]`, variable])), options);
  } finally {
    tf.dispose(variables);
  }
}

/**
 * Checks the gradient of `loss` for each variable by name; a variable that the loss does not reach must have no slope.
 * The variables are moved and put back.
 * @returns the largest relative error @throws Error naming the first variable whose gradient is wrong
 */
export function checkVariableGradients(loss: () => tf.Scalar, variables: ReadonlyMap<string, tf.Variable>, options: GradientCheckOptions = {}): number {
  const { directions = 2, step = 1e-5, tolerance = 1e-6, seed = 1 } = options;
  const { value, grads } = tf.engine().gradients(loss, [...variables.values()], undefined, true);
  value.dispose();
  const random = new Random(seed);
  let worst = 0;
  try {
    [...variables].forEach(([name, variable], index) => {
      // tfjs leaves a hole for a variable that the loss does not reach, although its type has none.
      const gradient = (grads[index] as tf.Tensor | null | undefined)?.dataSync();
      for (let i = 0; i < directions; i++) {
        const direction = unitDirection(random, variable.size);
        const analytic = gradient === undefined ? 0 : dot(gradient, direction);
        const numeric = slope(loss, variable, direction, step);
        const error = Math.abs(analytic - numeric) / Math.max(Math.abs(analytic), Math.abs(numeric), smallestSlope);
        // Written so that NaN fails too.
        if (!(error <= tolerance)) throw new Error(`gradient of ${name}: slope ${analytic}, central difference ${numeric}, relative error ${error.toExponential(2)} above ${tolerance}`);
        worst = Math.max(worst, error);
      }
    });
  } finally {
    tf.dispose(grads);
  }
  return worst;
}

function unitDirection(random: Random, size: number): Float64Array {
  const direction = Float64Array.from({ length: size }, () => random.normal());
  const norm = Math.sqrt(dot(direction, direction));
  return direction.map((x) => x / norm);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function slope(loss: () => tf.Scalar, variable: tf.Variable, direction: Float64Array, step: number): number {
  const start = Float64Array.from(variable.dataSync());
  const lossAt = (length: number): number => {
    assign(variable, start.map((x, i) => x + length * (direction[i] as number)));
    return tf.tidy(() => loss().dataSync()[0] as number);
  };
  const difference = lossAt(step) - lossAt(-step);
  assign(variable, start);
  return difference / (2 * step);
}

function assign(variable: tf.Variable, values: Float64Array): void {
  tf.tidy(() => {
    variable.assign(tf.tensor(new Float32Array(values), variable.shape, 'float32'));
  });
}
