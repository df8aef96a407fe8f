/**
 * Checkpoints as TensorFlow's Saver writes them, the "V2 bundle": PREFIX.index, a sorted string table from each variable's
 * name to its type, shape and place, and PREFIX.data-NNNNN-of-NNNNN with the values (tensorflow/core/util/tensor_bundle).
 * Google's BERT comes so. The values are read variable by variable when they are asked for; the index at once.
 */
import { statSync } from 'node:fs';
import { DataError, IoError } from '../../data/errors.js';
import { readSortedStringTable, type TableEntry } from './sortedStringTable.js';
import type { StoredTensor } from '../storedTensor.js';
import { type ByteReader, damagedHint, quoteName } from './tensorflowBundleBytes.js';
import { type BundleEntry, type BundleHeader, parseBundleEntry, parseBundleHeader } from './tensorflowBundleMessages.js';
import { BundleTensor } from './tensorflowBundleTensor.js';
import { convertTensorFlowName } from './tensorflowNames.js';

const indexSuffix = '.index';
/** The version of the format that is read here; files say from which version on they can be. */
const bundleVersion = 1;
/** The variable in which TensorFlow 2 keeps how its objects hang together. */
const objectGraphName = '_CHECKPOINTABLE_OBJECT_GRAPH';

const resaveHint = 'Load the checkpoint in TensorFlow or transformers and save it again, as model.safetensors.';

/**
 * The index among the names of a directory: one that has its first data file beside it, or where there is none, one that is
 * named like a checkpoint, so that the reader can say which data file it misses. Of several `bert_model.ckpt.index` counts,
 * then the one with the highest step at the end of its name (`model.ckpt-12345.index`), then the first by name.
 */
export function findTensorFlowIndex(names: readonly string[]): string | undefined {
  const indexes = names.filter((name) => name.endsWith(indexSuffix));
  const complete = indexes.filter((name) => {
    const start = `${name.slice(0, -indexSuffix.length)}.data-00000-of-`;
    return names.some((other) => other.startsWith(start) && /^\d{5,}$/.test(other.slice(start.length)));
  });
  const candidates = complete.length > 0 ? complete : indexes.filter((name) => name.includes('.ckpt'));
  const rank = (name: string): number => (name === 'bert_model.ckpt.index' ? Number.POSITIVE_INFINITY : Number(/-(\d+)\.index$/.exec(name)?.[1] ?? -1));
  return candidates.sort((a, b) => (rank(a) === rank(b) ? (a < b ? -1 : 1) : rank(b) > rank(a) ? 1 : -1))[0];
}

/**
 * Paths of the index and of the data files that hold what readTensorFlowBundle reads, whether or not they are there.
 * @throws IoError where the index cannot be read; DataError where it is damaged
 */
export function tensorFlowBundleFiles(indexFile: string): string[] {
  const { header, variables } = readIndex(indexFile);
  const read = variables.filter(({ name, entry }) => !entry.partitioned && convertTensorFlowName(name) !== undefined);
  const shards = new Set(read.map(({ entry }) => entry.shard));
  return [indexFile, ...[...shards].sort((a, b) => a - b).map((shard) => dataFileOf(indexFile, header, shard))];
}

/**
 * All variables but the optimizer's, under Hugging Face's names where BERT has them and under their own elsewhere. The whole
 * index is checked, and that the data files are there and long enough; checksums of values when those are read.
 * A partitioned variable, and one of a type that is not read, is listed and refused by name when its values are asked for.
 * @param indexFile path that ends in `.index`; the data files lie beside it
 * @throws IoError where a file cannot be read; DataError naming file, byte or variable, found and expected for any fault
 */
export function readTensorFlowBundle(indexFile: string): StoredTensor[] {
  const { header, variables } = readIndex(indexFile);
  const sizes = new Map<string, number>();
  const tensors: StoredTensor[] = [];
  let converted = 0;
  for (const { name, entry } of variables) {
    const conversion = convertTensorFlowName(name);
    if (conversion === undefined) continue;
    if (conversion.name !== name) converted++;
    const dataFile = dataFileOf(indexFile, header, entry.shard);
    if (!entry.partitioned) checkRange(name, entry, dataFile, sizes);
    tensors.push({ name: conversion.name, file: indexFile, entry: new BundleTensor({ name, indexFile, dataFile, entry }, conversion.transposed) });
  }
  if (converted === 0 && variables.some(({ name }) => name === objectGraphName)) {
    throw new DataError("holds a TensorFlow 2 object graph and no variable by BERT's names; expected a checkpoint as TensorFlow 1 names it (bert/embeddings/word_embeddings, …)", {
      location: { file: indexFile },
      hint: resaveHint,
    });
  }
  return tensors;
}

interface Variable {
  readonly name: string;
  readonly entry: BundleEntry;
}

function readIndex(indexFile: string): { header: BundleHeader; variables: Variable[] } {
  if (!indexFile.endsWith(indexSuffix)) throw new DataError(`expected the index of a TensorFlow checkpoint, whose name ends in ${indexSuffix}`, { location: { file: indexFile } });
  let header: BundleHeader | undefined;
  const variables: Variable[] = [];
  for (const { key, value } of readSortedStringTable(indexFile)) {
    if (key.length === 0) header = checkHeader(indexFile, parseBundleHeader(value));
    else if (header === undefined) value.fail(value.offset, 'the first entry of the index is not the header, whose key is empty');
    // So the slices of partitioned variables start; the variables themselves have entries of their own.
    else if (key[0] !== 0) variables.push(readVariable({ key, value }, header));
  }
  if (header === undefined) throw new DataError('the index is empty; expected a header and variables', { location: { file: indexFile }, hint: damagedHint });
  return { header, variables };
}

function checkHeader(file: string, header: BundleHeader): BundleHeader {
  const refuse = (message: string, hint: string): never => {
    throw new DataError(message, { location: { file }, hint });
  };
  if (header.bigEndian) refuse('the checkpoint is big endian; expected little endian', resaveHint);
  if (header.minConsumer > bundleVersion) refuse(`the checkpoint needs a reader of version ${header.minConsumer}; this one has version ${bundleVersion}`, resaveHint);
  if (header.numShards === 0) refuse('the header counts 0 data files; expected at least 1', damagedHint);
  return header;
}

function readVariable({ key, value }: TableEntry, header: BundleHeader): Variable {
  const at = value.offset;
  const name = decodeName(key, value);
  const entry = parseBundleEntry(value);
  if (entry.dtype === 0) value.fail(at, `variable ${quoteName(name)} has no dtype`);
  if (entry.shard >= header.numShards) value.fail(at, `variable ${quoteName(name)} lies in data file ${entry.shard}; expected less than ${header.numShards}, the number of data files`);
  return { name, entry };
}

function decodeName(key: Uint8Array, value: ByteReader): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(key);
  } catch {
    return value.fail(value.offset, 'the name of this variable is not UTF-8');
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: such characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) value.fail(value.offset, `the name of this variable, ${quoteName(name)}, has control characters`);
  return name;
}

/** @param sizes of the data files that were looked at, filled in here */
function checkRange(name: string, { offset, size }: BundleEntry, dataFile: string, sizes: Map<string, number>): void {
  let fileSize = sizes.get(dataFile);
  if (fileSize === undefined) {
    try {
      fileSize = statSync(dataFile).size;
    } catch (cause) {
      throw new IoError(`${dataFile}: cannot read the weights (${(cause as Error).message})`, { cause, hint: 'A TensorFlow checkpoint needs all of its data files beside its index.' });
    }
    sizes.set(dataFile, fileSize);
  }
  if (offset + size > fileSize) {
    throw new DataError(`variable ${quoteName(name)} has ${size} bytes at byte ${offset}; the file ends at byte ${fileSize}`, { location: { file: dataFile }, hint: damagedHint });
  }
}

function dataFileOf(indexFile: string, header: BundleHeader, shard: number): string {
  const number = (value: number): string => String(value).padStart(5, '0');
  return `${indexFile.slice(0, -indexSuffix.length)}.data-${number(shard)}-of-${number(header.numShards)}`;
}
