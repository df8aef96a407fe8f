/**
 * AdamW (Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101) in the field's two conventions, over named parameters.
 * Both decay weights by learningRate * weightDecay * weight beside the Adam step; clipping comes in through `gradScale`.
 */
import * as tf from '@tensorflow/tfjs';
import { adamwUpdate } from '../ops/optimizerOps.js';
import { assignValues } from './assignValues.js';
import type { ParameterSetting } from './parameterGroups.js';

/** 'adamw' corrects the bias of the moments (Hugging Face); 'adamw-bert' does not (Google's BERT code). */
export type AdamWKind = 'adamw' | 'adamw-bert';

/** Where none is given: transformers' for 'adamw', Google's for 'adamw-bert'. */
export function defaultEpsilon(kind: AdamWKind): number {
  return kind === 'adamw' ? 1e-8 : 1e-6;
}

export interface AdamWOptions {
  readonly kind: AdamWKind;
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  /** Added to the root of the second moment; default `defaultEpsilon`. */
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

interface Slot {
  readonly parameter: tf.Variable;
  readonly m: tf.Variable;
  readonly v: tf.Variable;
  readonly setting: ParameterSetting;
}

export class AdamW {
  readonly kind: AdamWKind;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly #slots = new Map<string, Slot>();
  #step = 0;

  constructor(parameters: ReadonlyMap<string, tf.Variable>, options: AdamWOptions) {
    this.kind = options.kind;
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.999;
    this.epsilon = options.epsilon ?? defaultEpsilon(options.kind);
    for (const [name, parameter] of parameters) {
      const setting = options.settings?.get(name) ?? { weightDecay: 0, lrScale: 1 };
      this.#slots.set(name, { parameter, m: zeroVariable(parameter.shape), v: zeroVariable(parameter.shape), setting });
    }
  }

  /** Updates applied so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * One update in place: with g = gradScale * gradient,
   * m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p -= lr * (m / c1 / (sqrt(v / c2) + epsilon) + weightDecay * p),
   * where c1 = 1 - b1^t and c2 = 1 - b2^t, or both 1 for 'adamw-bert'. Parameters without a gradient stay as they are.
   * A gradient of an unknown parameter is a RangeError.
   */
  applyGradients(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, gradScale = 1): void {
    const slots: Slot[] = [];
    const values: tf.Tensor[] = [];
    for (const [name, gradient] of gradients) {
      const slot = this.#slots.get(name);
      if (slot === undefined) throw new RangeError(`AdamW: a gradient of "${name}", which is not among its parameters`);
      slots.push(slot);
      values.push(gradient);
    }
    this.#step += 1;
    const corrected = this.kind === 'adamw';
    adamwUpdate(
      slots.map((slot) => slot.parameter),
      values,
      slots.map((slot) => slot.m),
      slots.map((slot) => slot.v),
      {
        weightDecay: Float32Array.from(slots, (slot) => slot.setting.weightDecay),
        lrScale: Float32Array.from(slots, (slot) => slot.setting.lrScale),
        learningRate,
        beta1: this.beta1,
        beta2: this.beta2,
        epsilon: this.epsilon,
        correction1: corrected ? 1 - this.beta1 ** this.#step : 1,
        correction2: corrected ? 1 - this.beta2 ** this.#step : 1,
        gradScale,
      },
    );
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
