/** What optimizers with two moments a parameter (Adam's family) share: where the moments lie, their state, and that a step takes every parameter once. */
import * as tf from '@tensorflow/tfjs';
import { assignValues } from '../ops/assignValues.js';
import type { AdamWStep } from '../ops/optimizerOps.js';
import type { ParameterSetting } from './parameterGroups.js';

export interface MomentOptions {
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  /** Added to the root of the second moment. */
  readonly epsilon?: number | undefined;
  /** Decay and learning-rate factor of each parameter; a parameter without an entry has 0 and 1. */
  readonly settings?: ReadonlyMap<string, ParameterSetting> | undefined;
}

/** Host copies of one parameter's moments, in the parameter's shape. */
export interface Moments {
  readonly shape: readonly number[];
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export interface OptimizerState {
  /** Updates applied. */
  readonly step: number;
  /** By parameter name. */
  readonly moments: ReadonlyMap<string, Moments>;
}

/** A parameter with its moments. */
export interface Slot {
  readonly name: string;
  readonly parameter: tf.Variable;
  readonly m: tf.Variable;
  readonly v: tf.Variable;
  readonly setting: ParameterSetting;
}

/** What the update rule needs besides the slots and gradients. */
export interface UpdateStep {
  readonly learningRate: number;
  /** Factor on every gradient, from clipping. */
  readonly gradScale: number;
  /** 1 for the first update. */
  readonly step: number;
}

export abstract class MomentOptimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly #slots = new Map<string, Slot>();
  #step = 0;

  constructor(parameters: ReadonlyMap<string, tf.Variable>, options: MomentOptions & { readonly epsilon: number }) {
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.999;
    this.epsilon = options.epsilon;
    for (const [name, parameter] of parameters) {
      const setting = options.settings?.get(name) ?? { weightDecay: 0, lrScale: 1 };
      this.#slots.set(name, { name, parameter, m: zeroVariable(parameter.shape), v: zeroVariable(parameter.shape), setting });
    }
  }

  /** The rule: writes new values into the slots' parameters and moments. */
  protected abstract update(slots: readonly Slot[], gradients: readonly tf.Tensor[], step: UpdateStep): void;

  /** Adam's numbers of an update, `corrected` for the bias of its moments or not. */
  protected adamStep(slots: readonly Slot[], { learningRate, gradScale, step }: UpdateStep, corrected: boolean): AdamWStep {
    return {
      weightDecay: Float32Array.from(slots, (slot) => slot.setting.weightDecay),
      lrScale: Float32Array.from(slots, (slot) => slot.setting.lrScale),
      learningRate,
      beta1: this.beta1,
      beta2: this.beta2,
      epsilon: this.epsilon,
      correction1: corrected ? 1 - this.beta1 ** step : 1,
      correction2: corrected ? 1 - this.beta2 ** step : 1,
      gradScale,
    };
  }

  /** Updates applied so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * One update in place of the parameters that have a gradient; the others stay as they are. `gradScale` multiplies every gradient.
   * A gradient of an unknown parameter is a RangeError, and nothing is changed.
   */
  applyGradients(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, gradScale = 1): void {
    const slots: Slot[] = [];
    for (const name of gradients.keys()) {
      const slot = this.#slots.get(name);
      if (slot === undefined) throw new RangeError(`${this.constructor.name}: a gradient of "${name}", which is not among its parameters`);
      slots.push(slot);
    }
    this.#step += 1;
    this.update(slots, [...gradients.values()], { learningRate, gradScale, step: this.#step });
  }

  /** Host copies of step and moments. */
  state(): OptimizerState {
    const moments = new Map<string, Moments>();
    for (const [name, { parameter, m, v }] of this.#slots) {
      moments.set(name, { shape: parameter.shape, m: hostCopy(m), v: hostCopy(v) });
    }
    return { step: this.#step, moments };
  }

  /** Takes over a state made by `state()`; every parameter must have its moments in its own shape, else a RangeError names it. */
  load(state: OptimizerState): void {
    for (const [name, { parameter, m, v }] of this.#slots) {
      const found = state.moments.get(name);
      if (found === undefined) throw new RangeError(`optimizer state: no moments of "${name}"`);
      if (found.m.length !== parameter.size || found.v.length !== parameter.size) {
        throw new RangeError(`optimizer state: moments of "${name}" have ${found.m.length} and ${found.v.length} elements, expected ${parameter.size}`);
      }
      assignValues(m, found.m);
      assignValues(v, found.v);
    }
    this.#step = state.step;
  }

  dispose(): void {
    for (const { m, v } of this.#slots.values()) {
      m.dispose();
      v.dispose();
    }
    this.#slots.clear();
  }
}

function zeroVariable(shape: number[]): tf.Variable {
  const zeros = tf.zeros(shape);
  const variable = tf.variable(zeros, false);
  zeros.dispose();
  return variable;
}

function hostCopy(tensor: tf.Tensor): Float32Array {
  return new Float32Array(tensor.dataSync());
}
