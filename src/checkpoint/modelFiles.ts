/** Which files of a directory make up a model, and how each format of weights is read. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { configFileOf } from '../config/configFile.js';
import { DataError, IoError } from '../data/errors.js';
import { isJsonObject, parseJsonObject } from '../data/strictJson.js';
import { readPytorchFile } from './pytorch/pytorchFile.js';
import { readSafetensors } from './safetensors.js';
import type { StoredTensor } from './storedTensor.js';
import { findTensorFlowIndex, readTensorFlowBundle, tensorFlowBundleFiles } from './tensorflow/tensorflowBundle.js';

export const weightsFileName = 'model.safetensors';

/** A format of weights: how its files are found among a directory's names, and how they are read. */
interface WeightFormat {
  /** The name by which a directory is known to hold this format; undefined where it does not. */
  find(names: readonly string[]): string | undefined;
  /** Paths of all files that make up the weights, given the one that `find` named. */
  files(directory: string, found: string): string[];
  read(files: readonly string[]): StoredTensor[];
}

const whole = (directory: string, found: string): string[] => [path.join(directory, found)];
const named = (name: string) => (names: readonly string[]) => (names.includes(name) ? name : undefined);

/** In order of preference: where a directory holds several, the first counts. */
const formats: readonly WeightFormat[] = [
  { find: named(weightsFileName), files: whole, read: readSafetensorsFiles },
  { find: named('model.safetensors.index.json'), files: shardFiles, read: readSafetensorsFiles },
  { find: named('pytorch_model.bin'), files: whole, read: readPytorchFiles },
  { find: named('pytorch_model.bin.index.json'), files: shardFiles, read: readPytorchFiles },
  { find: findTensorFlowIndex, files: (directory, found) => tensorFlowBundleFiles(path.join(directory, found)), read: ([index = '']) => readTensorFlowBundle(index) },
];

export interface ModelFiles {
  /** Path of config.json, or of bert_config.json where that alone is there. */
  readonly config: string;
  /** Paths of the weights; empty where the directory holds none that can be read. */
  readonly weights: readonly string[];
  readonly format: WeightFormat | undefined;
  /** All names in the directory, sorted. */
  readonly names: readonly string[];
}

/**
 * What a model directory holds.
 * @throws IoError where it cannot be read; DataError where the index of its shards is malformed
 */
export function findModelFiles(directory: string): ModelFiles {
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch (cause) {
    throw new IoError(`${directory}: cannot read the model directory (${(cause as Error).message})`, { cause });
  }
  const config = configFileOf(directory);
  for (const format of formats) {
    const found = format.find(names);
    if (found !== undefined) return { config, weights: format.files(directory, found), format, names };
  }
  return { config, weights: [], format: undefined, names };
}

/**
 * All tensors of a directory.
 * @throws IoError where there are none, saying what the directory has; DataError where a file is damaged
 */
export function readStoredTensors(directory: string): StoredTensor[] {
  const { format, weights, names } = findModelFiles(directory);
  if (format !== undefined) return format.read(weights);
  const other = names.find((name) => /\.(bin|pt|pth|ckpt|h5|msgpack|onnx)$/.test(name));
  throw new IoError(`${directory}: found no weights; the directory has ${names.length === 0 ? 'no files' : names.slice(0, 10).join(', ')}`, {
    hint: other === undefined ? 'A model directory holds config.json and model.safetensors or pytorch_model.bin, or bert_config.json and bert_model.ckpt.index with its data.' : `${other} cannot be read under this name or in this format; save the model as safetensors first.`,
  });
}

function readPytorchFiles(files: readonly string[]): StoredTensor[] {
  return files.flatMap(readPytorchFile);
}

function readSafetensorsFiles(files: readonly string[]): StoredTensor[] {
  return files.flatMap((file) => [...readSafetensors(file)].map(([name, entry]) => ({ name, file, entry })));
}

/** The shards that an index names, all of them plain files of the same directory. */
function shardFiles(directory: string, found: string): string[] {
  const index = path.join(directory, found);
  const json = parseJsonObject(readFileSync(index, 'utf8'), { file: index });
  const map = json['weight_map'];
  if (!isJsonObject(map)) throw new DataError('weight_map is missing or is not an object', { location: { file: index } });
  const names = new Set<string>();
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== 'string' || name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
      throw new DataError(`weight_map of "${tensor}" is ${JSON.stringify(name)}; expected the plain name of a file in this directory`, { location: { file: index } });
    }
    names.add(name);
  }
  return [...names].sort().map((name) => path.join(directory, name));
}
