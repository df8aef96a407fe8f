/** Settings of adapters, and their form in adapter_config.json: PEFT's for LoRA, our own for bottlenecks. */
import { DataError, UsageError } from '../data/errors.js';
import type { JsonObject, JsonValue } from '../data/strictJson.js';

export interface LoraConfig {
  readonly type: 'lora';
  /** r: rows of A, columns of B. */
  readonly rank: number;
  /** The update is scaled by alpha / rank. */
  readonly alpha: number;
  /** Of the update's input while training, 0 to below 1. */
  readonly dropout: number;
  /** Names, or ends of names, of the linear layers; `all-linear` for every one of the encoder's. */
  readonly targetModules: readonly string[];
}

export interface BottleneckConfig {
  readonly type: 'bottleneck';
  /** Width of the bottleneck. */
  readonly rank: number;
}

export type AdapterConfig = LoraConfig | BottleneckConfig;

/** PEFT's targets for BERT, with the paper's rank for base models. */
export const loraDefaults: LoraConfig = { type: 'lora', rank: 8, alpha: 16, dropout: 0.05, targetModules: ['query', 'value'] };
/** Houlsby et al. tried 8, 64 and 256. */
export const bottleneckDefaults: BottleneckConfig = { type: 'bottleneck', rank: 64 };

/** Returns the settings. Throws a UsageError that names the one that is out of range. */
export function checkedAdapter<C extends AdapterConfig>(config: C): C {
  if (!Number.isInteger(config.rank) || config.rank < 1) throw new UsageError(`the adapter's rank is ${config.rank}; expected a whole number of at least 1`);
  if (config.type === 'lora') {
    if (!(config.alpha > 0 && Number.isFinite(config.alpha))) throw new UsageError(`lora-alpha is ${config.alpha}; expected a number above 0`);
    if (!(config.dropout >= 0 && config.dropout < 1)) throw new UsageError(`lora-dropout is ${config.dropout}; expected a share from 0 to below 1`);
    if (config.targetModules.length === 0) throw new UsageError('lora-target-modules names none; expected at least one, for example query,value');
  }
  return config;
}

/** Stands for every linear layer of the encoder among target modules. */
export const allLinear = 'all-linear';

/** Our own adapters say so where PEFT names its type, so that it refuses them. */
const bottleneckType = 'BERTWRIGHT_BOTTLENECK';

/** The object of adapter_config.json. @param base path or name of the model that the adapter belongs to */
export function adapterToJson(config: AdapterConfig, base: string): Readonly<Record<string, JsonValue>> {
  if (config.type === 'bottleneck') return { peft_type: bottleneckType, base_model_name_or_path: base, task_type: 'SEQ_CLS', r: config.rank };
  return {
    peft_type: 'LORA',
    task_type: 'SEQ_CLS',
    base_model_name_or_path: base,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    target_modules: [...config.targetModules],
    modules_to_save: ['classifier'],
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
  };
}

/** Settings of PEFT that would make another function of the same tensors; each with the value that changes nothing. */
const unsupported: Readonly<Record<string, readonly JsonValue[]>> = { bias: ['none'], fan_in_fan_out: [false], use_dora: [false], use_rslora: [false], use_qalora: [false], lora_bias: [false], layers_to_transform: [] };

/**
 * Settings and base model of an adapter_config.json; `file` is named in errors.
 * @throws DataError for another type of adapter, and for settings that are not supported
 */
export function adapterFromJson(json: JsonObject, file: string): { readonly config: AdapterConfig; readonly base: string } {
  const fail = (message: string): never => {
    throw new DataError(message, { location: { file } });
  };
  const number = (key: string, fallback?: number): number => {
    const value = json[key] ?? fallback;
    return typeof value === 'number' ? value : fail(`"${key}" is ${JSON.stringify(value) ?? 'missing'}; expected a number`);
  };
  const base = json['base_model_name_or_path'];
  if (typeof base !== 'string' || base === '') return fail(`"base_model_name_or_path" is ${JSON.stringify(base) ?? 'missing'}; expected the model that the adapter belongs to`);
  const type = json['peft_type'];
  if (type === bottleneckType) return { base, config: checkedAdapter({ type: 'bottleneck', rank: number('r') }) };
  if (type !== 'LORA') return fail(`"peft_type" is ${JSON.stringify(type) ?? 'missing'}; expected "LORA" or "${bottleneckType}"`);
  for (const [key, harmless] of Object.entries(unsupported)) {
    const value = json[key];
    if (value !== undefined && value !== null && !harmless.includes(value)) return fail(`"${key}" is ${JSON.stringify(value)}, which is not supported${harmless.length === 0 ? '' : `; expected ${JSON.stringify(harmless[0])}`}`);
  }
  for (const key of ['rank_pattern', 'alpha_pattern']) {
    const value = json[key];
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) return fail(`"${key}" gives layers settings of their own, which is not supported`);
  }
  const targets = json['target_modules'];
  // Any other string is a regular expression of PEFT's.
  const targetModules = targets === allLinear ? [allLinear] : Array.isArray(targets) && targets.every((target) => typeof target === 'string') ? targets : fail(`"target_modules" is ${JSON.stringify(targets) ?? 'missing'}; expected a list of names, or "${allLinear}"`);
  return { base, config: checkedAdapter({ type: 'lora', rank: number('r'), alpha: number('lora_alpha'), dropout: number('lora_dropout', 0), targetModules }) };
}
