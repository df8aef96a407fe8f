/** LoRA (Hu et al., 2022, https://arxiv.org/abs/2106.09685): beside a frozen weight W [N, K] an update alpha / r * B A of rank r. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import type { AdaptableLinear } from '../encoder/adaptable.js';
import { ParameterStore, type ParameterSource, uniform, zeros } from '../encoder/parameterStore.js';
import type { Encoder } from '../encoder/types.js';
import type { Adapter } from './adapter.js';
import { allLinear, type LoraConfig } from './config.js';

/** The layers that the settings name: whole names, or ends of names after a dot. Throws a UsageError for one that fits none. */
export function targetLayers(linears: ReadonlyMap<string, AdaptableLinear>, targets: readonly string[]): Map<string, AdaptableLinear> {
  if (targets.includes(allLinear)) return new Map(linears);
  const fits = (name: string, target: string): boolean => name === target || name.endsWith(`.${target}`);
  for (const target of targets) {
    if ([...linears.keys()].some((name) => fits(name, target))) continue;
    const ends = [...new Set([...linears.keys()].flatMap((name) => [name.split('.').at(-1) ?? name, name.split('.').slice(-2).join('.')]))];
    throw new UsageError(`no linear layer is called "${target}".${didYouMean(target, ends)}`, { hint: `target modules: ${ends.join(', ')}, ${allLinear}` });
  }
  return new Map([...linears].filter(([name]) => targets.some((target) => fits(name, target))));
}

export class LoraAdapters implements Adapter {
  readonly config: LoraConfig;
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly #encoder: Encoder;
  readonly #store: ParameterStore;
  readonly #layers: ReadonlyMap<string, AdaptableLinear>;

  /** A starts as PEFT's does, uniform within 1 / sqrt(K); B starts at zero, so that nothing changes at first. */
  constructor(encoder: Encoder, config: LoraConfig, source: ParameterSource) {
    this.config = config;
    this.#encoder = encoder;
    this.#layers = targetLayers(encoder.linears, config.targetModules);
    this.#store = new ParameterStore(source);
    for (const [name, layer] of this.#layers) {
      const [outSize, inSize] = layer.weight.shape;
      const down = this.#store.matrix(`${name}.lora_A.weight`, config.rank, inSize, uniform(inSize ** -0.5));
      const up = this.#store.matrix(`${name}.lora_B.weight`, outSize, config.rank, zeros);
      layer.lowRank = { down, up, scaling: config.alpha / config.rank, dropoutRate: config.dropout };
    }
    this.parameters = this.#store.variables();
    encoder.frozen = true;
  }

  /** None: LoRA leaves all of the encoder as it is. */
  trains(): boolean {
    return false;
  }

  merge(): boolean {
    for (const { weight, lowRank } of this.#layers.values()) {
      if (lowRank === undefined) continue;
      tf.tidy(() => weight.assign(tf.add(weight, tf.matMul<tf.Tensor2D>(lowRank.up, lowRank.down).mul(lowRank.scaling))));
    }
    this.dispose();
    return true;
  }

  dispose(): void {
    for (const layer of this.#layers.values()) layer.lowRank = undefined;
    this.#encoder.frozen = false;
    this.#store.dispose();
  }
}
