/**
 * The parameters of one model: tf.Variables under checkpoint names, created from a source (random numbers or a checkpoint)
 * and disposed together. TensorFlow.js wants variable names unique in the whole process, so the variables themselves
 * carry automatic names and only the store knows the checkpoint's.
 */
import * as tf from '@tensorflow/tfjs';
import { Random } from '../data/random.js';

/** How a parameter starts without a checkpoint. `zeroRow` is kept at zero by the initialisation, not by training. */
export type Initializer = { readonly kind: 'normal'; readonly std: number; readonly zeroRow?: number | undefined } | { readonly kind: 'uniform'; readonly bound: number } | { readonly kind: 'zeros' } | { readonly kind: 'ones' };

export const zeros: Initializer = { kind: 'zeros' };
export const ones: Initializer = { kind: 'ones' };

export function normal(std: number, zeroRow?: number): Initializer {
  return { kind: 'normal', std, zeroRow };
}

/** Evenly from -bound to bound. */
export function uniform(bound: number): Initializer {
  return { kind: 'uniform', bound };
}

/** Gives the starting values of a parameter, row-major. The array is the caller's to keep. */
export type ParameterSource = (name: string, shape: readonly number[], initializer: Initializer) => Float32Array;

/** weight [N, K] and bias [N] of a linear map; weights are [out, in] as in the checkpoints. */
export interface LinearParameters {
  readonly weight: tf.Variable<tf.Rank.R2>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}

/** gamma and beta, both [H]. */
export interface LayerNormParameters {
  readonly weight: tf.Variable<tf.Rank.R1>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}

export class ParameterStore {
  readonly #variables = new Map<string, tf.Variable>();
  readonly #source: ParameterSource;
  #disposed = false;

  constructor(source: ParameterSource) {
    this.#source = source;
  }

  vector(name: string, length: number, initializer: Initializer): tf.Variable<tf.Rank.R1> {
    return this.#create(name, [length], initializer) as tf.Variable<tf.Rank.R1>;
  }

  matrix(name: string, rows: number, cols: number, initializer: Initializer): tf.Variable<tf.Rank.R2> {
    return this.#create(name, [rows, cols], initializer) as tf.Variable<tf.Rank.R2>;
  }

  /** `<name>.weight` [out, in] from normal(0, std), `<name>.bias` [out] at zero. */
  linear(name: string, inSize: number, outSize: number, std: number): LinearParameters {
    return { weight: this.matrix(`${name}.weight`, outSize, inSize, normal(std)), bias: this.vector(`${name}.bias`, outSize, zeros) };
  }

  /** `<name>.weight` at one, `<name>.bias` at zero, both [size]. */
  layerNorm(name: string, size: number): LayerNormParameters {
    return { weight: this.vector(`${name}.weight`, size, ones), bias: this.vector(`${name}.bias`, size, zeros) };
  }

  /** All parameters in the order of their creation; a new Map at each call. */
  variables(): Map<string, tf.Variable> {
    return new Map(this.#variables);
  }

  /** Frees every variable. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const variable of this.#variables.values()) variable.dispose();
    this.#variables.clear();
  }

  #create(name: string, shape: number[], initializer: Initializer): tf.Variable {
    if (this.#disposed) throw new Error(`ParameterStore: ${name} asked of a disposed store`);
    if (this.#variables.has(name)) throw new Error(`ParameterStore: ${name} created twice`);
    const values = this.#source(name, shape, initializer);
    // Inside a tidy the variable must outlive it; tf.variable keeps itself, only the initial tensor is ours to free.
    const initial = tf.tensor(values, shape, 'float32');
    const variable = tf.variable(initial, true);
    initial.dispose();
    this.#variables.set(name, variable);
    return variable;
  }
}

/**
 * Starting values as transformers draws them: normal(0, initializerRange), biases 0, LayerNorm 1 and 0. The values are
 * a pure function of seed, name and shape, so a head starts the same whatever else the model holds.
 */
export function randomSource(seed: number): ParameterSource {
  return (name, shape, initializer) => initialValues(new Random(seed, ...nameWords(name)), shape, initializer);
}

function initialValues(random: Random, shape: readonly number[], initializer: Initializer): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (initializer.kind === 'ones') return values.fill(1);
  if (initializer.kind === 'zeros') return values;
  if (initializer.kind === 'uniform') return values.map(() => initializer.bound * (2 * random.uniform() - 1));
  for (let i = 0; i < values.length; i++) values[i] = initializer.std * random.normal();
  const { zeroRow } = initializer;
  const cols = shape[1] ?? 1;
  if (zeroRow !== undefined) values.fill(0, zeroRow * cols, (zeroRow + 1) * cols);
  return values;
}

function nameWords(name: string): number[] {
  return Array.from(name, (character) => character.codePointAt(0) ?? 0);
}
