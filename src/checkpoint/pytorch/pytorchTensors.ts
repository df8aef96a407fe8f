/** From the value of a pickle to tensors: it must be a state dict, and every tensor must lie within its storage. */
import { DataError } from '../../data/errors.js';
import { saveAsSafetensorsHint } from './pickleMachine.js';
import { describeValue, PickleDict, PickleList, type PickleValue, quoteText } from './pickleValues.js';
import { type StorageReference, TensorReference } from './pytorchGlobals.js';
import type { PytorchInput } from './pytorchInput.js';
import { rowMajor } from './pytorchStrides.js';
import { type StoredTensor, tensorEntry } from '../storedTensor.js';

/** Where the bytes of the storages are; a format of the file finds them in its own way. */
export interface StorageTable {
  /** Bytes of a storage, or undefined where the file has none of that key. */
  byteLength(key: string): number | undefined;
  /** All bytes, in a buffer of their own. */
  read(key: string): Uint8Array;
}

/** Copies that strided tensors may take in all: as much as twice the file, and this for files of a few bytes. */
const spareCopyBytes = 1024 * 1024;

/**
 * The tensors of a state dict, in its order. Each storage is read once; tensors that lie in it row by row are views of it.
 * @param value what the pickle holds
 * @throws DataError where that is no state dict, or a tensor does not fit its storage
 */
export function tensorsOf(input: PytorchInput, value: PickleValue, storages: StorageTable): StoredTensor[] {
  const references = stateDictOf(input.file, value);
  const read = new Map<string, Uint8Array>();
  let copyBytes = 2 * input.size + spareCopyBytes;
  return references.map(([name, reference]) => {
    const { storage, shape } = reference;
    const { dtype, elementSize } = storage.type;
    checkBounds(input, name, reference);
    checkStorage(input, name, storage, storages.byteLength(storage.key));
    const bytes = read.get(storage.key) ?? storages.read(storage.key);
    read.set(storage.key, bytes);
    const view = bytes.subarray(storage.first * elementSize, (storage.first + storage.length) * elementSize);
    const values = rowMajor(view, reference, elementSize, (needed) => {
      copyBytes -= needed;
      if (copyBytes < 0) input.fail(`tensor ${quoteText(name)} has shape [${shape.join(', ')}] and strides [${reference.strides.join(', ')}]: written out, such tensors would take more than twice the file`);
    });
    return { name, file: input.file, entry: tensorEntry(input.file, name, dtype, shape, values) };
  });
}

function stateDictOf(file: string, value: PickleValue): [string, TensorReference][] {
  const refuse = (found: string): never => {
    throw new DataError(`${found}; expected a state dict, a dictionary from names to tensors`, { location: { file }, hint: `Save the model's own state_dict(). ${saveAsSafetensorsHint}` });
  };
  if (!(value instanceof PickleDict)) return refuse(`the file holds ${describeValue(value)}${value instanceof PickleList && value.items.length > 0 ? `, the first of them ${describeValue(value.items[0] ?? null)}` : ''}`);
  const entries = [...value.entries];
  const other = entries.find(([key, item]) => typeof key !== 'string' || !(item instanceof TensorReference));
  if (other !== undefined) {
    const keys = entries.slice(0, 10).map(([key]) => (typeof key === 'string' ? quoteText(key) : String(key)));
    refuse(`the file holds a dictionary with the keys ${keys.join(', ')}${entries.length > 10 ? `, … (${entries.length} in all)` : ''}, in which ${describeValue(other[0])} is ${typeof other[0] === 'string' ? `${describeValue(other[1])}, not a tensor` : 'no name'}`);
  }
  return entries.filter((entry): entry is [string, TensorReference] => {
    const [name] = entry;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: such characters are what is looked for
    if (typeof name === 'string' && (name === '' || /[\u0000-\u001f\u007f-\u009f]/.test(name))) {
      throw new DataError(`tensor ${quoteText(name)}: the name is empty or has control characters`, { location: { file }, hint: saveAsSafetensorsHint });
    }
    return true;
  });
}

/** Sizes and strides are whole and not negative, so that sums beyond 2^53 are inexact but never too small to be noticed. */
function checkBounds(input: PytorchInput, name: string, { storage, offset, shape, strides }: TensorReference): void {
  if (shape.includes(0)) return;
  const last = shape.reduce((at, size, axis) => at + (size - 1) * (strides[axis] ?? 0), offset);
  if (last >= storage.length) {
    input.fail(`tensor ${quoteText(name)} of shape [${shape.join(', ')}], strides [${strides.join(', ')}] and offset ${offset} reaches element ${last} of storage ${quoteText(storage.key)}, which has ${storage.length}`);
  }
}

function checkStorage(input: PytorchInput, name: string, { key, numel, type }: StorageReference, byteLength: number | undefined): void {
  if (byteLength === undefined) input.fail(`tensor ${quoteText(name)} lies in storage ${quoteText(key)}, which is not in the file`);
  if (byteLength !== numel * type.elementSize) input.fail(`storage ${quoteText(key)} of tensor ${quoteText(name)} has ${byteLength} bytes; expected ${numel * type.elementSize} for ${numel} elements of ${type.dtype}`);
}
