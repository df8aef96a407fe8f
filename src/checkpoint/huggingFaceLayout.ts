/**
 * A model directory as Hugging Face lays it out: config.json beside model.safetensors, whole or in shards. The one place
 * that knows foreign tensor names: legacy LayerNorm names, checkpoints without the encoder's prefix, tied decoders.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DataError, IoError } from '../data/errors.js';
import { isJsonObject, parseJsonObject } from '../data/strictJson.js';
import { writeFileAtomic } from './atomicFile.js';
import { readSafetensors, type SafetensorsEntry, type TensorData, writeSafetensors } from './safetensors.js';

export const configFileName = 'config.json';
export const weightsFileName = 'model.safetensors';
const indexFileName = 'model.safetensors.index.json';

/** Tensors outside the encoder start with one of these, whether or not the encoder's names carry its prefix. */
const headPrefixes = ['cls.', 'classifier.'];

const predictionBias = 'cls.predictions.bias';
const decoderWeight = 'cls.predictions.decoder.weight';
const decoderBias = 'cls.predictions.decoder.bias';

interface StoredTensor {
  /** As the file spells it. */
  readonly name: string;
  readonly file: string;
  readonly entry: SafetensorsEntry;
}

/** How the tensors of one kind of model are named. */
export interface WeightNames {
  /** Start of every encoder tensor's name in a checkpoint with a head, for example `bert.`. */
  readonly prefix: string;
  /** The input embeddings, to which a decoder in the file must be equal. */
  readonly wordEmbeddings: string;
}

/** The tensors of a directory, taken by name; what nobody took is unexpected. */
export class CheckpointWeights {
  readonly #tensors = new Map<string, StoredTensor>();
  readonly #taken = new Set<string>();
  readonly #names: WeightNames;
  readonly #shadowed: string[] = [];

  private constructor(stored: readonly StoredTensor[], names: WeightNames) {
    this.#names = names;
    const hasPrefix = stored.some((tensor) => tensor.name.startsWith(names.prefix));
    for (const tensor of stored) {
      const modern = modernName(tensor.name);
      const inEncoder = !hasPrefix && !headPrefixes.some((head) => modern.startsWith(head));
      const canonical = inEncoder ? names.prefix + modern : modern;
      if (this.#tensors.has(canonical)) this.#shadowed.push(tensor.name);
      else this.#tensors.set(canonical, tensor);
    }
  }

  /**
   * Reads the weights of a directory.
   * @throws IoError where there are none, saying what the directory has; DataError where a file is damaged
   */
  static read(directory: string, names: WeightNames): CheckpointWeights {
    const stored = weightFiles(directory).flatMap((file) => [...readSafetensors(file)].map(([name, entry]) => ({ name, file, entry })));
    return new CheckpointWeights(stored, names);
  }

  /**
   * The values of a tensor, row-major, or undefined where the checkpoint has none of that name.
   * @throws DataError naming tensor, found and expected shape
   */
  take(name: string, shape: readonly number[]): Float32Array | undefined {
    const canonical = this.#canonical(name);
    const stored = this.#tensors.get(canonical);
    if (stored === undefined) return undefined;
    const found = stored.entry.shape;
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new DataError(`tensor "${stored.name}" has shape [${found.join(', ')}]; expected [${shape.join(', ')}]`, {
        location: { file: stored.file },
        hint: 'config.json and the weights disagree, or the head was trained with another number of labels.',
      });
    }
    this.#taken.add(canonical);
    try {
      return stored.entry.data;
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw new DataError(`tensor "${stored.name}" cannot be read (${(error as Error).message})`, { location: { file: stored.file }, cause: error });
    }
  }

  /** The shape in the file, or undefined where there is no such tensor. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.#tensors.get(this.#canonical(name))?.entry.shape;
  }

  /** Names, as the file spells them, of the tensors that nobody took and that say something new. */
  unexpected(): string[] {
    const rest = [...this.#tensors].filter(([canonical]) => !this.#taken.has(canonical) && !this.#isRedundant(canonical));
    return [...rest.map(([, stored]) => stored.name), ...this.#shadowed].sort();
  }

  /** Some files hold the head's bias only as the decoder's. */
  #canonical(name: string): string {
    return name === predictionBias && !this.#tensors.has(name) ? decoderBias : name;
  }

  /** position_ids are 0, 1, 2, …; a tied decoder repeats the embeddings and its bias the head's. */
  #isRedundant(canonical: string): boolean {
    if (canonical.endsWith('embeddings.position_ids')) return true;
    if (canonical === decoderWeight) return this.#taken.has(this.#canonical(predictionBias)) && this.#same(canonical, this.#names.wordEmbeddings);
    if (canonical === decoderBias) return this.#taken.has(predictionBias) && this.#same(canonical, predictionBias);
    return false;
  }

  #same(a: string, b: string): boolean {
    const left = this.#tensors.get(a)?.entry;
    const right = this.#tensors.get(b)?.entry;
    return left !== undefined && right !== undefined && left.dtype === right.dtype && Buffer.compare(left.bytes, right.bytes) === 0;
  }
}

/**
 * Writes config.json and model.safetensors, each in one atomic step, as transformers reads them.
 * @throws IoError naming the path
 */
export function writeModelDirectory(directory: string, config: Readonly<Record<string, unknown>>, tensors: ReadonlyMap<string, TensorData>): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new IoError(`${directory}: cannot create the directory (${(cause as Error).message})`, { cause });
  }
  writeSafetensors(path.join(directory, weightsFileName), tensors, { format: 'pt' });
  writeFileAtomic(path.join(directory, configFileName), `${JSON.stringify(config, undefined, 2)}\n`);
}

/** TensorFlow's names of the LayerNorm parameters, which the first PyTorch checkpoints kept. */
function modernName(name: string): string {
  return name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
}

function weightFiles(directory: string): string[] {
  const whole = path.join(directory, weightsFileName);
  if (existsSync(whole)) return [whole];
  const index = path.join(directory, indexFileName);
  if (existsSync(index)) return shardFiles(directory, index);
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (cause) {
    throw new IoError(`${directory}: cannot read the model directory (${(cause as Error).message})`, { cause });
  }
  const other = entries.find((entry) => /\.(bin|ckpt|index|h5|msgpack|onnx)$/.test(entry));
  throw new IoError(`${directory}: found no ${weightsFileName}; the directory has ${entries.length === 0 ? 'no files' : entries.slice(0, 10).join(', ')}`, {
    hint: other === undefined ? 'A model directory holds config.json and model.safetensors.' : `${other} cannot be read; save the model as safetensors first.`,
  });
}

/** The shards that an index names, all of them plain files of the same directory. */
function shardFiles(directory: string, index: string): string[] {
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
