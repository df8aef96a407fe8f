/**
 * The format of torch.save before PyTorch 1.6, and after it with _use_new_zipfile_serialization=False: five pickles one after
 * the other (a magic number, the protocol's version, facts of the machine, the state dict, the list of the storages' keys), then
 * for each key the storage's number of elements in 64 bits and the elements, little endian (torch/serialization.py, _legacy_save).
 */
import { maxPickleBytes, type PickleRules, runPickle } from './pickleMachine.js';
import type { PickleSource } from './pickleReader.js';
import { describeValue, PickleDict, PickleList, type PickleValue, quoteText } from './pickleValues.js';
import { plainDataRules, StorageReference, stateDictRules } from './pytorchGlobals.js';
import type { PytorchInput } from './pytorchInput.js';
import { tensorsOf } from './pytorchTensors.js';
import type { StoredTensor } from '../storedTensor.js';

const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;

/** The first bytes of every such file: the pickle of the magic number, in protocol 2. */
export const streamStart = Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);

interface Range {
  readonly position: number;
  readonly length: number;
}

/** All tensors of a stream by torch.save. @throws DataError naming the byte or the tensor at fault */
export function readPytorchStream(input: PytorchInput): StoredTensor[] {
  const length = Math.min(input.size, maxPickleBytes);
  const source: PickleSource = {
    file: input.file,
    bytes: input.read(0, length, 'the pickles'),
    within: 'the file',
    extent: length < input.size ? `the first ${length} bytes, which the pickles may take` : 'the file',
  };
  let at = 0;
  const next = (rules: PickleRules): PickleValue => {
    const { value, end } = runPickle(source, at, rules);
    at = end;
    return value;
  };
  const magic = next(plainDataRules);
  if (magic !== magicNumber) input.fail(`the file begins with ${describeValue(magic)}; expected PyTorch's magic number, 0x${magicNumber.toString(16)}`);
  const version = next(plainDataRules);
  if (version !== protocolVersion) input.fail(`the version of the format is ${describeValue(version)}; expected ${protocolVersion}`);
  checkMachine(input, next(plainDataRules));
  const elementSizes = new Map<string, number>();
  const value = next(noting(elementSizes));
  const keys = keysOf(input, next(plainDataRules));
  const ranges = findStorages(input, keys, elementSizes, at);
  return tensorsOf(input, value, {
    byteLength: (key) => ranges.get(key)?.length,
    read(key) {
      const range = ranges.get(key);
      return range === undefined ? input.fail(`storage ${quoteText(key)} is not in the file`) : input.read(range.position, range.length, `storage ${quoteText(key)}`);
    },
  });
}

/** The rules for the state dict, which note how wide each storage's elements are: the storages themselves do not say. */
function noting(elementSizes: Map<string, number>): PickleRules {
  const rules = stateDictRules(true);
  return {
    globals: rules.globals,
    persistentLoad(id, context) {
      const storage = rules.persistentLoad(id, context);
      if (storage instanceof StorageReference) elementSizes.set(storage.key, storage.type.elementSize);
      return storage;
    },
  };
}

function checkMachine(input: PytorchInput, facts: PickleValue): void {
  const littleEndian = facts instanceof PickleDict ? facts.entries.get('little_endian') : undefined;
  if (littleEndian !== true) input.fail(`the facts of the machine that wrote the file have little_endian ${littleEndian === undefined ? 'missing' : describeValue(littleEndian)}; expected True`);
}

function keysOf(input: PytorchInput, value: PickleValue): string[] {
  if (!(value instanceof PickleList)) return input.fail(`the list of storages is ${describeValue(value)}; expected a list`);
  return value.items.map((key) => (typeof key === 'string' ? key : input.fail(`the list of storages has ${describeValue(key)}; expected a string`)));
}

/** Where each storage lies; they follow one another from `start` to the end of the file. */
function findStorages(input: PytorchInput, keys: readonly string[], elementSizes: ReadonlyMap<string, number>, start: number): Map<string, Range> {
  const ranges = new Map<string, Range>();
  let at = start;
  for (const key of keys) {
    const elementSize = elementSizes.get(key);
    if (elementSize === undefined) return input.fail(`storage ${quoteText(key)} is in the file, and no tensor lies in it`);
    if (ranges.has(key)) input.fail(`storage ${quoteText(key)} is in the list of storages twice`);
    const header = input.read(at, 8, `the number of elements of storage ${quoteText(key)}`);
    const count = new DataView(header.buffer).getBigUint64(0, true);
    const position = at + header.length;
    // Compared before it becomes a number, since it may be anything up to 2^64.
    if (count * BigInt(elementSize) > BigInt(input.size - position)) input.fail(`storage ${quoteText(key)} has ${count} elements of ${elementSize} bytes at byte ${position}; the file ends at byte ${input.size}`);
    const length = Number(count) * elementSize;
    ranges.set(key, { position, length });
    at = position + length;
  }
  if (at !== input.size) input.fail(`the storages end at byte ${at}, the file at ${input.size}: ${input.size - at} bytes too many`);
  return ranges;
}
