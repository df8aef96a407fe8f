/**
 * A model directory as Hugging Face lays it out: config.json beside its weights. The one place that knows the variants of
 * Hugging Face's tensor names: legacy LayerNorm names, checkpoints without the encoder's prefix, tied decoders. Which files
 * hold the weights stands in modelFiles.ts.
 */
import path from 'node:path';
import { configFileName } from '../config/configFile.js';
import { BertwrightError, DataError } from '../data/errors.js';
import { makeDirectory, writeFileAtomic } from './atomicFile.js';
import { readStoredTensors, weightsFileName } from './modelFiles.js';
import { type TensorData, writeSafetensors } from './safetensors.js';
import type { StoredTensor } from './storedTensor.js';

/** Tensors outside the encoder start with one of these, whether or not the encoder's names carry its prefix. */
const headPrefixes = ['cls.', 'classifier.'];

const predictionBias = 'cls.predictions.bias';
const decoderWeight = 'cls.predictions.decoder.weight';
const decoderBias = 'cls.predictions.decoder.bias';

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
    return new CheckpointWeights(readStoredTensors(directory), names);
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
      if (error instanceof BertwrightError) throw error;
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
  makeDirectory(directory);
  writeSafetensors(path.join(directory, weightsFileName), tensors, { format: 'pt' });
  writeModelConfig(directory, config);
}

/** Writes config.json alone, in one atomic step. */
export function writeModelConfig(directory: string, config: Readonly<Record<string, unknown>>): void {
  writeFileAtomic(path.join(directory, configFileName), `${JSON.stringify(config, undefined, 2)}\n`);
}

/** TensorFlow's names of the LayerNorm parameters, which the first PyTorch checkpoints kept. */
function modernName(name: string): string {
  return name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
}
