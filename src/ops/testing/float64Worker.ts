/**
 * The plain reference in float64, as a worker thread of a test that itself runs an engine in float32. Started with
 * `{ seed, count }` it computes `count` random cases of each op, with no data the small cases, and posts the results in that order.
 */
import './float64.js';
import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { Random } from '../../data/random.js';
import { evaluateCase, type OpResult, outputsOf } from './engines.js';
import { useFloat64Backend } from './gradientCheck.js';
import { inputTensors, type OpCase, outputWeights, randomInputs, smallCases } from './opCases.js';
import { randomCase, randomOps } from './randomCases.js';

/** What a case gives, and for each output how large its terms are. */
export interface Expected {
  readonly result: OpResult;
  readonly levels: readonly number[];
}

/** Length of a step to each side of a central difference, which has an error of about 1e-10 from curvature and from rounding. */
const step = 1e-5;
/** Relative size of the moves of the inputs that show how much an output of few elements feels them. */
const move = 2 ** -8;
const fewElements = 16;
const moves = 4;

function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum / Math.max(1, values.length));
}

/**
 * An error is judged against an output's root mean square. Where an output has few elements that may be small by chance, the rest of
 * large terms that cancel: there, also against the change that small relative changes of the inputs make, divided by their size.
 */
function expectedOf(opCase: OpCase, inputs: readonly Float32Array[]): Expected {
  const result = evaluateCase(opCase, inputs);
  const outputs = outputsOf(result).map(({ values }) => values);
  const levels = outputs.map(rootMeanSquare);
  if (outputs.some(({ length }) => length < fewElements)) {
    for (let m = 0; m < moves; m++) {
      const random = new Random(m);
      const moved = outputsOf(evaluateCase(opCase, inputs.map((input) => input.map((x) => x * (1 + move * random.normal())))));
      outputs.forEach((values, i) => { levels[i] = Math.max(levels[i] as number, rootMeanSquare(values.map((x, j) => (moved[i]?.values[j] as number) - x)) / move); });
    }
  }
  return { result, levels };
}

/** The output of a case, and the central difference of its weighted sum for each element of each input. */
function differentiate(opCase: OpCase): OpResult {
  const inputs = randomInputs(opCase);
  const forward = (): Float32Array => tf.tidy(() => Float32Array.from(opCase.run(...inputTensors(opCase, inputs)).dataSync()));
  const value = forward();
  const weights = tf.tidy(() => outputWeights([value.length]).dataSync());
  const weightedSum = (): number => forward().reduce((sum, y, i) => sum + y * (weights[i] as number), 0);
  const gradients = inputs.map((input) =>
    input.map((x, i) => {
      input[i] = x + step;
      const above = weightedSum();
      input[i] = x - step;
      const below = weightedSum();
      input[i] = x;
      return (above - below) / (2 * step);
    }),
  );
  return { value, inference: value, gradients };
}

await useFloat64Backend();
const data = workerData as { readonly seed: number; readonly count: number } | null;
if (data === null) {
  parentPort?.postMessage(smallCases.map(differentiate));
} else {
  for (const op of randomOps) {
    const numbers = Array.from({ length: data.count }, (_, i) => i);
    parentPort?.postMessage(numbers.map((i) => {
      const { opCase, inputs } = randomCase(op, data.seed, i);
      return expectedOf(opCase, inputs);
    }));
  }
}
