/**
 * Calls the addon's functions with seeded random misuse and prints what came of it as JSON; misuse.test.ts runs it in a
 * process of its own, where a crash is an exit status.
 *   node misuseProgram.js CALLS SEED
 * A spoilt call has to throw a TypeError or RangeError that names function and argument, before any output is touched,
 * unless what was spoilt can be legal. No call may touch memory beside its outputs.
 */
import { Random } from '../../data/random.js';
import { loadAddon } from '../loadAddon.js';
import { type Argument, legalCalls } from './legalCalls.js';

/** Elements before and behind every array, which nothing may touch. */
const guard = 16;
const filling = 0.25;

const [calls, seed] = process.argv.slice(2).map(Number) as [number, number];
const result = await loadAddon();
if (result.addon === undefined) throw new Error(result.why);
const { addon } = result;
const loose = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
const random = new Random(seed);
const builders = legalCalls(addon.info().available);
const names = Object.keys(builders) as (keyof typeof builders)[];

/** Outputs that may be the very memory of an input, by function: [input, output]. */
const inPlace: Readonly<Record<string, readonly [number, number]>> = { unary: [1, 2], dropout: [0, 1], layerNormForward: [0, 4] };

interface Block {
  readonly buffer: ArrayBuffer;
  readonly before: Uint32Array;
  /** Elements that the call may write, as far as it does not throw. */
  readonly writable: readonly [begin: number, end: number];
}

/** One call in the making: the values, and the memory under them. */
class Call {
  readonly name: keyof typeof builders;
  readonly args: readonly Argument[];
  readonly values: unknown[];
  readonly #blocks: Block[] = [];
  what = 'as it should be';
  mustThrow = false;

  constructor(name: keyof typeof builders) {
    this.name = name;
    this.args = builders[name](random);
    this.values = this.args.map((argument) => this.#make(argument));
  }

  #make(argument: Argument): unknown {
    switch (argument.kind) {
      case 'floats': return argument.length < 0 ? null : this.floats(argument.length, argument.output);
      case 'ints': return this.ints(argument.values);
      case 'list': return argument.lengths.map((length) => this.floats(length, argument.output));
      default: return argument.value;
    }
  }

  floats(length: number, output: boolean): Float32Array {
    const all = new Float32Array(length + 2 * guard).fill(filling);
    this.watch(all.buffer, output ? [guard, guard + length] : [0, 0]);
    return all.subarray(guard, guard + length);
  }

  ints(values: readonly number[]): Int32Array {
    const all = new Int32Array(values.length + 2 * guard);
    all.set(values, guard);
    this.watch(all.buffer, [0, 0]);
    return all.subarray(guard, guard + values.length);
  }

  watch(buffer: ArrayBuffer, writable: readonly [number, number]): void {
    this.#blocks.push({ buffer, before: new Uint32Array(buffer.slice(0)), writable });
  }

  /** The first element that changed although it must not, in words. */
  damage(threw: boolean): string | undefined {
    for (const { buffer, before, writable } of this.#blocks) {
      if (buffer.byteLength === 0) continue;
      const after = new Uint32Array(buffer);
      const at = after.findIndex((bits, i) => bits !== before[i] && (threw || i < writable[0] || i >= writable[1]));
      if (at >= 0) return `element ${at - guard} of an array of ${after.length - 2 * guard} was written`;
    }
    return undefined;
  }
}

function pick<T>(items: readonly T[]): T {
  return items[random.integer(items.length)] as T;
}

const strangers: readonly (() => unknown)[] = [
  () => undefined, () => null, () => 3, () => '3', () => '', () => true, () => ({}), () => [], () => [1, 2], () => 3n, () => Symbol('x'), () => () => 3, () => new Date(), () => ({ length: 9, 0: 1 }),
  () => new ArrayBuffer(64), () => new DataView(new ArrayBuffer(64)), () => new Proxy(new Float32Array(9), {}), () => ({ valueOf: () => 3 }),
  () => new Float64Array(99), () => new Uint8Array(999), () => new BigInt64Array(9), () => new Uint32Array(99), () => new Uint8ClampedArray(99),
];

interface Spoiling {
  readonly what: string;
  readonly value: unknown;
  readonly mustThrow: boolean;
}

function detach(array: { readonly buffer: ArrayBufferLike }): void {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
}

type ResizableArrayBuffer = ArrayBuffer & { resize(bytes: number): void };
const makeResizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ResizableArrayBuffer;

/** The same elements on memory of another kind. */
function onOtherMemory<T extends Float32Array | Int32Array>(array: T): Spoiling {
  const Kind = array.constructor as new (buffer: ArrayBufferLike) => T;
  const bytes = array.length * 4;
  if (random.integer(2) === 0) {
    const shared = new Kind(new SharedArrayBuffer(bytes));
    shared.set(array);
    return { what: 'on shared memory', value: shared, mustThrow: false };
  }
  const buffer = new makeResizable(bytes, { maxByteLength: bytes + 64 });
  const view = new Kind(buffer);
  view.set(array);
  const shrink = random.integer(2) === 0;
  if (shrink) buffer.resize(0);
  return { what: shrink ? 'shrunk to nothing' : 'resizable', value: view, mustThrow: false };
}

function spoilFloats(argument: Argument & { kind: 'floats' }, value: Float32Array | null): Spoiling {
  const stranger = pick(strangers)();
  const missing = stranger === null || stranger === undefined;
  if (value === null) return { what: 'another type', value: stranger, mustThrow: !missing };
  switch (random.integer(6)) {
    case 0: return { what: 'another type', value: stranger, mustThrow: !(missing && argument.optional) };
    case 1: return { what: 'of int32', value: new Int32Array(value.length), mustThrow: true };
    case 2: return { what: 'too short', value: value.subarray(0, random.integer(Math.max(1, value.length))), mustThrow: value.length > 0 && !argument.loose };
    case 3: return { what: 'longer', value: new Float32Array(value.length + 1 + random.integer(99)), mustThrow: false };
    case 4: {
      const own = value.slice();
      detach(own);
      return { what: 'detached', value: own, mustThrow: true };
    }
    default: {
      const { what, value: other } = onOtherMemory(value);
      return { what, value: other, mustThrow: what === 'shrunk to nothing' && value.length > 0 && !argument.loose };
    }
  }
}

function spoilInts(call: Call, argument: Argument & { kind: 'ints' }, value: Int32Array): Spoiling {
  const stranger = pick(strangers)();
  switch (random.integer(7)) {
    case 0: return { what: 'another type', value: stranger, mustThrow: true };
    case 1: return { what: 'of float32', value: new Float32Array(value.length), mustThrow: true };
    case 2: return { what: 'too short', value: value.subarray(0, random.integer(Math.max(1, value.length))), mustThrow: false };
    case 3: {
      const own = value.slice();
      detach(own);
      return { what: 'detached', value: own, mustThrow: true };
    }
    case 4: return onOtherMemory(value);
    default: {
      const [at, bad] = [random.integer(Math.max(1, value.length)), argument.bad.length > 0 ? pick(argument.bad) : random.uint32()];
      return { what: `with ${bad} at ${at}`, value: call.ints(argument.values.map((element, i) => (i === at ? bad : element))), mustThrow: argument.bad.length > 0 && value.length > 0 };
    }
  }
}

function spoilList(argument: Argument & { kind: 'list' }, value: readonly Float32Array[]): Spoiling {
  const at = random.integer(value.length + 1);
  const replaced = (element: unknown): unknown[] => [...value.slice(0, at), element, ...value.slice(at + 1)];
  switch (random.integer(6)) {
    case 0: return { what: 'another type', value: pick(strangers.filter((make) => !Array.isArray(make())))(), mustThrow: true };
    case 1: return { what: `with another type at ${at}`, value: replaced(pick(strangers)()), mustThrow: true };
    case 2: return { what: 'one too few', value: value.slice(0, -1), mustThrow: false };
    case 3: return { what: 'of 2^32 - 1 holes', value: new Array(2 ** 32 - 1), mustThrow: true };
    case 4: {
      const short = value[at];
      if (short === undefined || short.length === 0) return { what: 'the same', value, mustThrow: false };
      return { what: `too short at ${at}`, value: replaced(short.subarray(0, random.integer(short.length))), mustThrow: argument.exact };
    }
    default: {
      // JavaScript that runs while the list is read takes away the memory of an element that came before.
      const victim = new Float32Array(value[0]?.length ?? 1);
      const trap: unknown[] = [victim, ...value.slice(1)];
      Object.defineProperty(trap, Math.max(1, value.length - 1), { get: () => { detach(victim); return new Float32Array(1); } });
      return { what: 'with a getter that detaches the first', value: trap, mustThrow: true };
    }
  }
}

function spoilNumber(argument: Argument & { kind: 'number' }): Spoiling {
  const stranger = pick(strangers.filter((make) => typeof make() !== 'number'))();
  switch (random.integer(3)) {
    case 0: return { what: 'another type', value: stranger, mustThrow: true };
    case 1: return argument.bad.length > 0 ? { what: 'out of range', value: pick(argument.bad), mustThrow: true } : { what: 'not finite', value: pick([Number.NaN, Infinity]), mustThrow: false };
    default: return { what: 'another number', value: pick([0, 1, argument.value + 1, argument.value * 2, 2 ** 20, 2 ** 31 - 1]), mustThrow: false };
  }
}

function spoil(call: Call, argument: Argument, value: unknown): Spoiling {
  switch (argument.kind) {
    case 'floats': return spoilFloats(argument, value as Float32Array | null);
    case 'ints': return spoilInts(call, argument, value as Int32Array);
    case 'list': return spoilList(argument, value as Float32Array[]);
    case 'number': return spoilNumber(argument);
    case 'boolean': return { what: 'another type', value: pick(strangers.filter((make) => typeof make() !== 'boolean'))(), mustThrow: true };
    case 'string': return { what: 'another text or type', value: pick([...strangers, () => 'x'.repeat(5000), () => `${argument.value}\0`])(), mustThrow: true };
  }
}

/** Puts an output onto memory of another argument. */
function overlap(call: Call): boolean {
  const usable = call.args.flatMap((argument, i) => ((argument.kind === 'floats' && !argument.loose) || argument.kind === 'ints' ? [i] : []));
  const arrayOf = (index: number): Float32Array | Int32Array | null => call.values[index] as Float32Array | Int32Array | null;
  const filled = usable.filter((index) => (arrayOf(index)?.length ?? 0) > 0);
  const outputs = filled.filter((index) => (call.args[index] as { output?: boolean }).output === true);
  if (outputs.length === 0 || filled.length < 2) return false;
  const first = pick(outputs);
  const second = pick(filled.filter((index) => index !== first));
  const [output, other] = [arrayOf(first) as Float32Array, arrayOf(second) as Float32Array | Int32Array];
  const shift = random.integer(3) === 0 ? 0 : random.integer(output.length + other.length - 1) - (other.length - 1);
  const [at, otherAt] = [guard + Math.max(0, -shift), guard + Math.max(0, shift)];
  const buffer = new ArrayBuffer((guard + Math.max(at + output.length, otherAt + other.length)) * 4);
  const Kind = other.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => typeof other;
  const moved = new Kind(buffer, otherAt * 4, other.length);
  moved.set(other);
  call.values[first] = new Float32Array(buffer, at * 4, output.length);
  call.values[second] = moved;
  const allowed = inPlace[call.name];
  const exact = shift === 0 && output.length === other.length && allowed !== undefined && allowed[0] === second && allowed[1] === first;
  call.watch(buffer, [at, at + output.length]);
  call.what = `${call.args[first]?.name} over ${call.args[second]?.name} by ${shift}`;
  call.mustThrow = !exact;
  return true;
}

function spoilCall(call: Call): void {
  const kind = random.integer(10);
  if (kind === 0) return;
  if (kind === 1 && call.args.length > 0) {
    call.values.length = random.integer(call.args.length);
    call.what = `${call.values.length} arguments`;
    call.mustThrow = true;
    return;
  }
  if (kind === 2) {
    call.values.push(pick(strangers)());
    call.what = 'one argument too many';
    return;
  }
  if ((kind === 3 || kind === 4) && overlap(call)) return;
  if (call.args.length === 0) return;
  const index = random.integer(call.args.length);
  const argument = call.args[index] as Argument;
  const spoiling = spoil(call, argument, call.values[index]);
  call.values[index] = spoiling.value;
  call.what = `${argument.name} ${spoiling.what}`;
  call.mustThrow = spoiling.mustThrow;
}

/** What is wrong with the outcome of a call, or undefined. */
function fault(call: Call, error: unknown): string | undefined {
  const damage = call.damage(error !== undefined);
  if (damage !== undefined) return damage;
  if (error === undefined) return call.mustThrow ? 'did not throw' : undefined;
  if (call.what === 'as it should be' && call.name !== 'measurePeakGflops') return `threw ${error}`;
  if (!(error instanceof TypeError || error instanceof RangeError)) {
    // A legal size that the machine does not have.
    return call.name === 'allocateBuffer' && String(error).includes('out of memory') ? undefined : `threw ${error}`;
  }
  const named = [...call.args.map(({ name }) => name), 'arguments', 'the sizes given'].some((name) => new RegExp(`\\b${name}\\b`).test(error.message));
  return error.message.startsWith(`${call.name}: `) && named ? undefined : `threw an error without a name: ${error.message}`;
}

const faults: string[] = [];
let thrown = 0;
for (let i = 0; i < calls; i++) {
  const call = new Call(pick(names));
  spoilCall(call);
  let error: unknown;
  try {
    loose[call.name]?.(...call.values);
  } catch (caught) {
    error = caught;
    thrown++;
  }
  const found = fault(call, error);
  if (found !== undefined) faults.push(`call ${i}, ${call.name}, ${call.what}: ${found}`);
  if (call.name === 'setThreads') addon.setThreads(2);
}
process.stdout.write(JSON.stringify({ thrown, faults: faults.slice(0, 20), faultCount: faults.length }));
