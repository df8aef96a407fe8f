/**
 * The epochs of a fine-tune. Each is one seeded shuffle of all rows, cut into the micro-batches of its steps by sequences or by tokens;
 * its last step takes what is left, so that no row is dropped or repeated. Cut by tokens, another shuffle may make another number of
 * steps: where epochs end is counted from the rows' lengths, never assumed. All of it is a function of seed and step.
 */
import { cutAllByTokens } from '../src/data/packing.js';
import { Random } from '../src/data/random.js';

/** Where the epochs of a run begin and end, and which rows its steps take. */
export interface Epochs {
  /** Optimizer steps of the first `epochs` epochs; of a part of one, as many as make at least that part. */
  stepsIn(epochs: number): number;
  /** Epochs in the first `steps` steps: a whole number at the ends of epochs and only there. */
  epochsAfter(steps: number): number;
  /** Positions of the rows of each micro-batch of the step with this number, from 0. */
  microBatches(step: number): readonly Int32Array[];
  /** Whether the rows of a step may change places among its micro-batches. */
  readonly exchangeable: boolean;
}

interface Common {
  /** Micro-batches of one step. */
  readonly accumulation: number;
  readonly seed: number;
}

/** The orders of the rows, by epoch. */
function shuffles(count: number, seed: number): (epoch: number) => Int32Array {
  let cached: { readonly epoch: number; readonly order: Int32Array } | undefined;
  return (epoch) => {
    if (cached?.epoch !== epoch) cached = { epoch, order: new Random(seed, 0x5eed, epoch).shuffle(Int32Array.from({ length: count }, (_, i) => i)) };
    return cached.order;
  };
}

/** Epochs of `count` rows whose micro-batches have `batchSize` rows each. */
export function epochsBySequences(count: number, { batchSize, accumulation, seed }: Common & { readonly batchSize: number }): Epochs {
  const perStep = batchSize * accumulation;
  const stepsPerEpoch = Math.ceil(count / perStep);
  const orderOf = shuffles(count, seed);
  return {
    exchangeable: accumulation > 1,
    stepsIn: (epochs) => Math.ceil(epochs * stepsPerEpoch),
    epochsAfter: (steps) => steps / stepsPerEpoch,
    microBatches(step) {
      const order = orderOf(Math.floor(step / stepsPerEpoch));
      const start = (step % stepsPerEpoch) * perStep;
      const end = Math.min(start + perStep, count);
      return Array.from({ length: Math.ceil((end - start) / batchSize) }, (_, i) => order.slice(start + i * batchSize, Math.min(start + (i + 1) * batchSize, end)));
    },
  };
}

/** Rounding that a product of an epoch's part and its steps may carry, far below one step. */
const slack = 1e-9;

/**
 * Epochs whose micro-batches take the next rows of the shuffle as long as their tokens fit into `tokensPerBatch`.
 * @param lengths tokens of each row, [rows]; a RangeError where one is above the budget
 */
export function epochsByTokens(lengths: Int32Array, { tokensPerBatch, accumulation, seed }: Common & { readonly tokensPerBatch: number }): Epochs {
  const tooLong = lengths.findIndex((length) => length > tokensPerBatch);
  if (tooLong >= 0) throw new RangeError(`epochsByTokens: row ${tooLong} has ${lengths[tooLong]} tokens, above the budget of ${tokensPerBatch}`);
  const orderOf = shuffles(lengths.length, seed);
  let cached: { readonly epoch: number; readonly bounds: Float64Array } | undefined;
  const boundsOf = (epoch: number): Float64Array => {
    if (cached?.epoch !== epoch) cached = { epoch, bounds: cutAllByTokens(orderOf(epoch).map((row) => lengths[row] as number), tokensPerBatch) };
    return cached.bounds;
  };
  /** First steps of the epochs counted so far. */
  const starts = [0];
  const startOf = (epoch: number): number => {
    for (let known = starts.length; known <= epoch; known++) starts.push((starts[known - 1] as number) + Math.ceil((boundsOf(known - 1).length - 1) / accumulation));
    return starts[epoch] as number;
  };
  // Questions go along with the run: the epoch of the last one is where to begin.
  let near = 0;
  const epochOf = (step: number): number => {
    while (startOf(near) > step) near -= 1;
    while (startOf(near + 1) <= step) near += 1;
    return near;
  };
  return {
    exchangeable: false,
    stepsIn(epochs) {
      const whole = Math.floor(epochs);
      const part = epochs - whole;
      return startOf(whole) + (part === 0 ? 0 : Math.ceil(part * (startOf(whole + 1) - startOf(whole)) - slack));
    },
    epochsAfter(steps) {
      const epoch = epochOf(steps);
      return epoch + (steps - startOf(epoch)) / (startOf(epoch + 1) - startOf(epoch));
    },
    microBatches(step) {
      const epoch = epochOf(step);
      const bounds = boundsOf(epoch);
      const first = (step - startOf(epoch)) * accumulation;
      const last = Math.min(first + accumulation, bounds.length - 1);
      return Array.from({ length: last - first }, (_, i) => orderOf(epoch).slice(bounds[first + i], bounds[first + i + 1]));
    },
  };
}
