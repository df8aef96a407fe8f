/**
 * What the pickle of a state dict may name, and the data that it stands for. Argument order: torch/_utils.py
 * (_rebuild_tensor_v2, _rebuild_parameter) and torch/serialization.py (persistent ids) of PyTorch 1.0 to 2.15.
 */
import type { PickleRules } from './pickleMachine.js';
import { describeValue, type PickleContext, PickleDict, PickleGlobal, PickleList, PickleObject, PickleTuple, type PickleValue } from './pickleValues.js';

/** Type of a storage's elements: the dtype in safetensors' words, and bytes of one element. */
export interface ElementType {
  readonly dtype: string;
  readonly elementSize: number;
}

const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ['torch FloatStorage', { dtype: 'F32', elementSize: 4 }],
  ['torch HalfStorage', { dtype: 'F16', elementSize: 2 }],
  ['torch BFloat16Storage', { dtype: 'BF16', elementSize: 2 }],
  ['torch DoubleStorage', { dtype: 'F64', elementSize: 8 }],
  ['torch LongStorage', { dtype: 'I64', elementSize: 8 }],
  ['torch IntStorage', { dtype: 'I32', elementSize: 4 }],
  ['torch ShortStorage', { dtype: 'I16', elementSize: 2 }],
  ['torch CharStorage', { dtype: 'I8', elementSize: 1 }],
  ['torch ByteStorage', { dtype: 'U8', elementSize: 1 }],
  ['torch BoolStorage', { dtype: 'BOOL', elementSize: 1 }],
]);

/** Elements whose bytes lie elsewhere in the file, under a key; several tensors may share them. */
export class StorageReference extends PickleObject {
  readonly description = 'a storage';
  /**
   * @param numel elements of the whole storage
   * @param first element at which this view of it begins
   * @param length elements of this view
   */
  constructor(
    readonly key: string,
    readonly type: ElementType,
    readonly numel: number,
    readonly first: number,
    readonly length: number,
  ) {
    super();
  }
}

/** A tensor as the pickle describes it: nothing of it is checked against its storage yet. */
export class TensorReference extends PickleObject {
  readonly description = 'a tensor';
  /**
   * @param offset elements from the storage's first to the tensor's
   * @param strides elements from one index to the next, for each axis
   */
  constructor(
    readonly storage: StorageReference,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    super();
  }
}

/** More axes than any operation of PyTorch takes. */
const maxAxes = 64;

const globals: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    new PickleGlobal('collections OrderedDict', orderedDict),
    new PickleGlobal('torch._utils _rebuild_tensor_v2', tensor),
    new PickleGlobal('torch._utils _rebuild_parameter', parameter),
    ...[...elementTypes.keys()].map((name) => new PickleGlobal(name, undefined)),
  ].map((global) => [global.name, global]),
);

/** The rules for pickles that hold no tensors, such as the header of the stream format. */
export const plainDataRules: PickleRules = {
  globals: new Map(),
  persistentLoad: (id, context) => context.fail(`BINPERSID refers to ${describeValue(id)} where no storage can be`),
};

/**
 * The rules for a state dict.
 * @param withViews whether persistent ids have a sixth member, a part of the storage, as in the stream format
 */
export function stateDictRules(withViews: boolean): PickleRules {
  const storages = new Map<string, StorageReference>();
  return {
    globals,
    persistentLoad(id, context) {
      const storage = storageOf(id, withViews, context);
      const known = storages.get(storage.key);
      if (known === undefined) storages.set(storage.key, storage);
      else if (known.type !== storage.type || known.numel !== storage.numel) {
        context.fail(`storage "${storage.key}" has ${storage.numel} elements of ${storage.type.dtype} here and ${known.numel} of ${known.type.dtype} before`);
      }
      return storage;
    },
  };
}

/** ('storage', type, key, location, number of elements), and in the stream format None or (view's key, offset, length). */
function storageOf(id: PickleValue, withViews: boolean, context: PickleContext): StorageReference {
  const members = id instanceof PickleTuple ? id.items : [];
  const [word, storageType, key, , numel, view] = members;
  if (word !== 'storage' || members.length !== (withViews ? 6 : 5)) {
    return context.fail(`BINPERSID refers to ${describeValue(id)}${members.length > 0 ? ` that begins with ${describeValue(word ?? null)}` : ''}; expected ('storage', type, key, location, number of elements${withViews ? ', view' : ''})`);
  }
  const type = storageType instanceof PickleGlobal ? elementTypes.get(storageType.name) : undefined;
  if (type === undefined) return context.fail(`a storage has ${describeValue(storageType ?? null)} as its type; expected one of ${[...elementTypes.keys()].join(', ')}`);
  if (typeof key !== 'string') return context.fail(`a storage has ${describeValue(key ?? null)} as its key; expected a string`);
  const count = sizeOf(numel, 'number of elements of a storage', context);
  if (view === undefined || view === null) return new StorageReference(key, type, count, 0, count);
  const [, offset, length] = view instanceof PickleTuple ? view.items : [];
  const first = sizeOf(offset, "offset of a storage's view", context);
  const viewLength = sizeOf(length, "length of a storage's view", context);
  if (first + viewLength > count) context.fail(`a view ends at element ${first + viewLength} of storage "${key}", which has ${count}`);
  return new StorageReference(key, type, count, first, viewLength);
}

/** Without arguments, or as Python 2 wrote it: with one list of keys and values. */
function orderedDict(parameters: readonly PickleValue[], context: PickleContext): PickleDict {
  const dict = new PickleDict(true);
  const [pairs] = parameters;
  if (pairs === undefined) return dict;
  if (parameters.length > 1 || !(pairs instanceof PickleList)) return context.fail(`OrderedDict is given ${parameters.length === 1 ? describeValue(pairs) : `${parameters.length} arguments`}; expected nothing or a list of pairs`);
  context.count(pairs.items.length);
  for (const pair of pairs.items) {
    const [key, value, ...more] = pair instanceof PickleList || pair instanceof PickleTuple ? pair.items : [];
    if (typeof key !== 'string' || value === undefined || more.length > 0) return context.fail(`OrderedDict is given ${describeValue(pair)} in its list; expected a pair of a string and a value`);
    dict.entries.set(key, value);
  }
  return dict;
}

/** (storage, offset, sizes, strides, requires_grad, hooks), and since PyTorch 2.0 (bits that a lazy view left to do). */
function tensor(parameters: readonly PickleValue[], context: PickleContext): TensorReference {
  const [storage, offset, sizes, strides, , , bits] = parameters;
  if (parameters.length < 6 || parameters.length > 7) return context.fail(`_rebuild_tensor_v2 is given ${parameters.length} arguments; expected 6 or 7`);
  if (!(storage instanceof StorageReference)) return context.fail(`_rebuild_tensor_v2 is given ${describeValue(storage ?? null)}; expected a storage`);
  const shape = sizesOf(sizes, 'size', context);
  const steps = sizesOf(strides, 'stride', context);
  if (shape.length !== steps.length) context.fail(`a tensor has ${shape.length} sizes and ${steps.length} strides`);
  context.count(shape.length + steps.length);
  const pending = bits instanceof PickleDict ? [...bits.entries].filter(([, value]) => value !== false).map(([key]) => describeValue(key)) : [];
  if (bits !== undefined && bits !== null && !(bits instanceof PickleDict)) context.fail(`the metadata of a tensor are ${describeValue(bits)}; expected a dictionary`);
  if (pending.length > 0) context.refuse(`a tensor is marked with ${pending.slice(0, 4).join(', ')}, an operation that was still to be done`);
  return new TensorReference(storage, sizeOf(offset, 'storage offset', context), shape, steps);
}

/** (tensor, requires_grad, hooks) */
function parameter(parameters: readonly PickleValue[], context: PickleContext): TensorReference {
  const [data] = parameters;
  if (parameters.length !== 3 || !(data instanceof TensorReference)) return context.fail(`_rebuild_parameter is given ${parameters.length} arguments, the first ${describeValue(data ?? null)}; expected a tensor, requires_grad and hooks`);
  return data;
}

function sizesOf(value: PickleValue | undefined, what: string, context: PickleContext): number[] {
  if (!(value instanceof PickleTuple)) return context.fail(`the ${what}s of a tensor are ${describeValue(value ?? null)}; expected a tuple`);
  if (value.items.length > maxAxes) context.fail(`a tensor has ${value.items.length} axes; at most ${maxAxes} are possible`);
  return value.items.map((item) => sizeOf(item, what, context));
}

function sizeOf(value: PickleValue | undefined, what: string, context: PickleContext): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return context.fail(`the ${what} is ${describeValue(value ?? null)}; expected a whole number from 0 to 2^53 - 1`);
  return value;
}
