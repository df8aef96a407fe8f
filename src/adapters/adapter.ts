/** A small set of trained parameters beside a frozen encoder: LoRA's updates, or bottlenecks. */
import type * as tf from '@tensorflow/tfjs';
import type { Encoder } from '../encoder/types.js';
import type { ParameterSource } from '../encoder/parameterStore.js';
import { BottleneckAdapters } from './bottleneck.js';
import type { AdapterConfig } from './config.js';
import { LoraAdapters } from './lora.js';

export interface Adapter {
  readonly config: AdapterConfig;
  /** The adapter's own, by module name with the ending of its part, in the order of the encoder's layers. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /** Whether a parameter of the encoder is trained with the adapter and saved beside it. */
  trains(name: string): boolean;
  /** Adds the adapter to the encoder's weights and frees it; false where its form does not allow that. */
  merge(): boolean;
  /** Takes the adapter off the encoder, whose weights are trained again, and frees it. */
  dispose(): void;
}

/**
 * Attaches a new adapter to an encoder, which is frozen from then on; its output is what it was until the adapter is trained.
 * @throws UsageError for target modules that the encoder does not have
 */
export function attachAdapter(encoder: Encoder, config: AdapterConfig, source: ParameterSource): Adapter {
  return config.type === 'lora' ? new LoraAdapters(encoder, config, source) : new BottleneckAdapters(encoder, config, source);
}
