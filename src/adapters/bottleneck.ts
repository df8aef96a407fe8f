/**
 * Bottleneck adapters (Houlsby et al., 2019, https://arxiv.org/abs/1902.00751): behind the attention and behind the feed-forward network of every layer,
 * before the residual is added, h + up(act(down(h))); the LayerNorms are trained with them.
 */
import type * as tf from '@tensorflow/tfjs';
import type { AdaptableLinear } from '../encoder/adaptable.js';
import { type Initializer, normal, ParameterStore, type ParameterSource, zeros } from '../encoder/parameterStore.js';
import type { Encoder } from '../encoder/types.js';
import type { Adapter } from './adapter.js';
import type { BottleneckConfig } from './config.js';

/** The paper's, of the downward weights; the upward ones start at zero, so that nothing changes at first. */
const deviation = 0.01;

export class BottleneckAdapters implements Adapter {
  readonly config: BottleneckConfig;
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly #encoder: Encoder;
  readonly #store: ParameterStore;
  readonly #layers: readonly AdaptableLinear[];

  constructor(encoder: Encoder, config: BottleneckConfig, source: ParameterSource) {
    this.config = config;
    this.#encoder = encoder;
    this.#store = new ParameterStore(source);
    // The layers whose output a residual is added to.
    const ends = [...encoder.linears].filter(([name]) => name.endsWith('.output.dense'));
    for (const [name, layer] of ends) {
      const [hidden] = layer.weight.shape;
      const part = (end: string, outSize: number, inSize: number, initializer: Initializer) => ({
        weight: this.#store.matrix(`${name}.${end}.weight`, outSize, inSize, initializer),
        bias: this.#store.vector(`${name}.${end}.bias`, outSize, zeros),
      });
      layer.bottleneck = { down: part('adapter_down', config.rank, hidden, normal(deviation)), up: part('adapter_up', hidden, config.rank, zeros) };
    }
    this.#layers = ends.map(([, layer]) => layer);
    this.parameters = this.#store.variables();
    encoder.frozen = true;
  }

  trains(name: string): boolean {
    return /\.LayerNorm\.(weight|bias)$/.test(name);
  }

  /** The activation in the middle allows no sum with the weights. */
  merge(): boolean {
    return false;
  }

  dispose(): void {
    for (const layer of this.#layers) layer.bottleneck = undefined;
    this.#encoder.frozen = false;
    this.#store.dispose();
  }
}
