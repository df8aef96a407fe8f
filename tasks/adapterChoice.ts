/** --adapter and its settings as the adapter to add. */
import { holdsAdapter } from '../src/adapters/adapterFiles.js';
import { type AdapterConfig, bottleneckDefaults, checkedAdapter, loraDefaults } from '../src/adapters/config.js';
import { UsageError } from '../src/data/errors.js';
import type { AdapterOptions, FinetuneOptions } from './options.js';

/** The adapter that the options ask for, or undefined. Throws a UsageError for settings of another kind than the adapter's, or out of range. */
export function chosenAdapter(options: AdapterOptions): AdapterConfig | undefined {
  const { adapter = 'none', loraR, loraAlpha, loraDropout, loraTargetModules, bottleneckSize } = options;
  const given = { 'lora-r': loraR, 'lora-alpha': loraAlpha, 'lora-dropout': loraDropout, 'lora-target-modules': loraTargetModules, 'bottleneck-size': bottleneckSize };
  const foreign = Object.entries(given).find(([name, value]) => value !== undefined && !name.startsWith(adapter === 'none' ? ' ' : adapter));
  if (foreign !== undefined) throw new UsageError(`--${foreign[0]} is given with --adapter ${adapter}`, { hint: `give --adapter ${foreign[0].startsWith('lora') ? 'lora' : 'bottleneck'}` });
  if (adapter === 'lora') {
    return checkedAdapter({
      type: 'lora',
      rank: loraR ?? loraDefaults.rank,
      alpha: loraAlpha ?? loraDefaults.alpha,
      dropout: loraDropout ?? loraDefaults.dropout,
      targetModules: loraTargetModules ?? loraDefaults.targetModules,
    });
  }
  return adapter === 'bottleneck' ? checkedAdapter({ type: 'bottleneck', rank: bottleneckSize ?? bottleneckDefaults.rank }) : undefined;
}

/** An adapter is saved without the model under it, which therefore has to lie in its folder as it was: throws a UsageError for a random or a changed one. */
export function refuseUnsavedBase({ init, configOverrides = [] }: Pick<FinetuneOptions, 'init' | 'configOverrides'>): void {
  if (init === 'random') throw new UsageError('--init random with an adapter: the random weights under it would be saved nowhere', { hint: 'fine-tune all weights, or give a trained model' });
  const changed = configOverrides.find((override) => !/^\w*dropout\w*=/.test(override));
  if (changed !== undefined) throw new UsageError(`--config-overrides ${changed} with an adapter: the model would be loaded without it later`, { hint: "only dropout may differ from the model's own config.json" });
}

/** A folder with an adapter cannot be the base of a fine-tune: what is trained next would belong to a model that is nowhere. */
export function refuseAdapterAsBase(directory: string): void {
  if (holdsAdapter(directory)) throw new UsageError(`${directory} holds an adapter, not a model to fine-tune`, { hint: `merge it first: bertwright export --model ${directory} --to hf --output MERGED` });
}

/** `LoRA r 8`, as reports name it beside the model. */
export function adapterTitle(config: AdapterConfig): string {
  return config.type === 'lora' ? `LoRA r ${config.rank}` : `bottleneck ${config.rank}`;
}
