/** Adapters on the disk as PEFT keeps them: adapter_config.json beside adapter_model.safetensors, the head's weights with the adapter's. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory, writeFileAtomic } from '../checkpoint/atomicFile.js';
import { readSafetensors, type TensorData, writeSafetensors } from '../checkpoint/safetensors.js';
import { IoError, UsageError } from '../data/errors.js';
import { parseJsonObject } from '../data/strictJson.js';
import { type AdapterConfig, adapterFromJson, adapterToJson, allLinear } from './config.js';

export const adapterConfigName = 'adapter_config.json';
export const adapterWeightsName = 'adapter_model.safetensors';

/** What PEFT puts before the name of every tensor. */
const prefix = 'base_model.model.';

/** An adapter as it was read. */
export interface StoredAdapter {
  readonly config: AdapterConfig;
  /** Folder of the model that it belongs to. */
  readonly base: string;
  /** By the parameter's name in the model, [shape] and values. */
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

/** Whether a folder holds an adapter rather than a model. */
export function holdsAdapter(directory: string): boolean {
  return existsSync(path.join(directory, adapterConfigName));
}

/**
 * Writes both files, each in one atomic step.
 * @param base folder of the model that the adapter belongs to
 * @param tensors by the parameter's name in the model
 * @throws IoError naming the path
 */
export function writeAdapter(directory: string, config: AdapterConfig, base: string, tensors: ReadonlyMap<string, TensorData>): void {
  makeDirectory(directory);
  writeSafetensors(path.join(directory, adapterWeightsName), new Map([...tensors].map(([name, tensor]) => [`${prefix}${name}`, tensor])), { format: 'pt' });
  writeFileAtomic(path.join(directory, adapterConfigName), `${JSON.stringify(adapterToJson(withLayerNames(config, [...tensors.keys()]), base), undefined, 2)}\n`);
}

const firstMatrix = '.lora_A.weight';

/** PEFT counts other layers to `all-linear` than we do (the pooler's), and knows it outside of a list only: the layers stand there by their names. */
function withLayerNames(config: AdapterConfig, tensors: readonly string[]): AdapterConfig {
  if (config.type !== 'lora' || !config.targetModules.includes(allLinear)) return config;
  return { ...config, targetModules: tensors.flatMap((name) => (name.endsWith(firstMatrix) ? [name.slice(0, -firstMatrix.length)] : [])) };
}

/**
 * Reads an adapter. Its base model is looked for where the settings say, from here and from the adapter's own folder.
 * @throws UsageError where the base model is not there; IoError and DataError for absent and damaged files
 */
export function readAdapter(directory: string): StoredAdapter {
  const file = path.join(directory, adapterConfigName);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new IoError(`${file}: cannot read the adapter's settings (${(cause as Error).message})`, { cause });
  }
  const { config, base } = adapterFromJson(parseJsonObject(text, { file }), file);
  const found = [path.resolve(base), path.resolve(directory, base)].find((candidate) => existsSync(candidate));
  if (found === undefined) {
    throw new UsageError(`${directory} is an adapter of "${base}", which is no folder here`, { hint: `put the model there, or its path as "base_model_name_or_path" into ${file}` });
  }
  return { config, base: found, tensors: readAdapterTensors(directory) };
}

/** The tensors of an adapter alone, by the parameter's name in the model. */
export function readAdapterTensors(directory: string): StoredAdapter['tensors'] {
  const tensors = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  for (const [name, { shape, data }] of readSafetensors(path.join(directory, adapterWeightsName))) tensors.set(name.startsWith(prefix) ? name.slice(prefix.length) : name, { shape, data });
  return tensors;
}
