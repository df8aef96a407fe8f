/**
 * A machine for the pickles that torch.save writes (protocol 2): it builds plain data and executes nothing. A pickle names
 * Python functions to call; here a name outside a short list, and any opcode that torch does not need, is refused by name.
 * Opcodes: Python's pickletools.py. No value is walked recursively, and memory is bounded by limits on the pickle's own
 * length, on the objects that it makes and on the stack, so that neither nested nor self-containing data does harm.
 */
import { DataError } from '../../data/errors.js';
import { opcodeNames } from './pickleOpcodes.js';
import { PickleReader, type PickleSource } from './pickleReader.js';
import { describeValue, type PickleContext, PickleDict, PickleGlobal, PickleList, PickleTuple, type PickleValue, quoteText } from './pickleValues.js';

/** A state dict takes about 130 bytes for each tensor. */
export const maxPickleBytes = 16 * 1024 * 1024;

/** Tuples, lists, dictionaries, storages and tensors with their axes; a state dict makes about fifteen for each tensor. */
const maxObjects = 500_000;

/** Python's pickler sets 1000 items at a time. */
const maxStack = 100_000;

export interface PickleRules {
  /** What may be named, by module and name with a space between them. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** What a persistent id stands for. */
  persistentLoad(id: PickleValue, context: PickleContext): PickleValue;
}

export const saveAsSafetensorsHint = 'Load the file where you trust it, and save its tensors with safetensors.torch.save_file(state_dict, "model.safetensors").';

/**
 * Runs one pickle.
 * @param start byte at which it begins
 * @returns its value, and the byte after its STOP
 * @throws DataError naming file, byte and opcode for whatever is refused, cut off or malformed
 */
export function runPickle(source: PickleSource, start: number, rules: PickleRules): { value: PickleValue; end: number } {
  return new PickleMachine(source, start, rules).run();
}

class PickleMachine implements PickleContext {
  readonly #source: PickleSource;
  readonly #reader: PickleReader;
  readonly #rules: PickleRules;
  readonly #stack: PickleValue[] = [];
  /** Height of the stack at each MARK that is still open. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #opcodeAt: number;
  #opcode = '';
  #objects = 0;

  constructor(source: PickleSource, start: number, rules: PickleRules) {
    this.#source = source;
    this.#reader = new PickleReader(source, start, (message) => this.fail(message));
    this.#rules = rules;
    this.#opcodeAt = start;
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      this.#opcodeAt = this.#reader.at;
      this.#opcode = 'the next opcode';
      const code = this.#reader.uint8();
      const name = opcodeNames.get(code);
      if (name === undefined) this.fail(`found byte 0x${code.toString(16).padStart(2, '0')}, which is no pickle opcode`);
      this.#opcode = name;
      if (name === 'STOP') {
        const value = this.#pop();
        if (this.#stack.length > 0 || this.#marks.length > 0) this.fail(`STOP leaves ${this.#stack.length} values and ${this.#marks.length} marks on the stack; expected none`);
        return { value, end: this.#reader.at };
      }
      const value = this.#valueOf(name);
      if (value !== undefined) this.#push(value);
    }
  }

  fail(message: string): never {
    throw new DataError(`${this.#place()}: ${message}`, { location: { file: this.#source.file }, hint: 'Copy or download the file again; if that does not help, it is damaged.' });
  }

  refuse(message: string): never {
    throw new DataError(`${this.#place()}: ${message}; nothing of a pickle is executed`, { location: { file: this.#source.file }, hint: saveAsSafetensorsHint });
  }

  count(objects: number): void {
    this.#objects += objects;
    if (this.#objects > maxObjects) this.fail(`the pickle builds more than ${maxObjects} objects, which no state dict needs`);
  }

  /** What an opcode adds to the stack; undefined where it adds nothing. */
  #valueOf(opcode: string): PickleValue | undefined {
    switch (opcode) {
      case 'NONE':
        return null;
      case 'NEWTRUE':
        return true;
      case 'NEWFALSE':
        return false;
      case 'BININT':
        return this.#reader.int32();
      case 'BININT1':
        return this.#reader.uint8();
      case 'BININT2':
        return this.#reader.uint16();
      case 'LONG1':
        return this.#reader.integer(this.#reader.uint8());
      case 'BINFLOAT':
        return this.#reader.float64();
      case 'BINUNICODE':
        return this.#reader.text(this.#reader.uint32());
      case 'SHORT_BINSTRING':
        return this.#reader.text(this.#reader.uint8());
      case 'EMPTY_TUPLE':
        return this.#tuple([]);
      case 'TUPLE1':
      case 'TUPLE2':
      case 'TUPLE3':
        return this.#tuple(this.#popMany(Number(opcode.slice(-1))));
      case 'TUPLE':
        return this.#tuple(this.#popToMark());
      case 'EMPTY_LIST':
        this.count(1);
        return new PickleList([]);
      case 'EMPTY_DICT':
        this.count(1);
        return new PickleDict(false);
      case 'BINGET':
        return this.#get(this.#reader.uint8());
      case 'LONG_BINGET':
        return this.#get(this.#reader.uint32());
      case 'GLOBAL':
        return this.#global(this.#reader.line(), this.#reader.line());
      case 'REDUCE':
        return this.#reduce();
      case 'BINPERSID':
        this.count(1);
        return this.#rules.persistentLoad(this.#pop(), this);
      default:
        this.#change(opcode);
        return undefined;
    }
  }

  #change(opcode: string): void {
    switch (opcode) {
      case 'PROTO':
        this.#checkProtocol(this.#reader.uint8());
        break;
      case 'MARK':
        if (this.#marks.length >= maxStack) this.fail(`more than ${maxStack} marks are open at once`);
        this.#marks.push(this.#stack.length);
        break;
      case 'APPEND':
        this.#append(this.#popMany(1));
        break;
      case 'APPENDS':
        this.#append(this.#popToMark());
        break;
      case 'SETITEM':
        this.#setItems(this.#popMany(2));
        break;
      case 'SETITEMS':
        this.#setItems(this.#popToMark());
        break;
      case 'BINPUT':
        this.#memo.set(this.#reader.uint8(), this.#top());
        break;
      case 'LONG_BINPUT':
        this.#memo.set(this.#reader.uint32(), this.#top());
        break;
      case 'BUILD':
        this.#build();
        break;
      case 'INST':
        this.refuse(`INST makes an object of ${quoteText(`${this.#reader.line()} ${this.#reader.line()}`)}`);
        break;
      default:
        this.refuse(`the opcode ${opcode} is not among those that torch.save writes for a state dict`);
    }
  }

  #checkProtocol(version: number): void {
    if (version !== 2) this.refuse(`the pickle has protocol ${version}; torch.save writes protocol 2 unless told otherwise`);
  }

  #global(module: string, name: string): PickleGlobal {
    const found = this.#rules.globals.get(`${module} ${name}`);
    if (found === undefined) this.refuse(`GLOBAL names ${quoteText(`${module} ${name}`)}, which is not on the list of what may be named here: ${[...this.#rules.globals.keys()].join(', ') || 'nothing'}`);
    return found;
  }

  #reduce(): PickleValue {
    const parameters = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PickleGlobal) || callee.build === undefined) return this.refuse(`REDUCE calls ${describeValue(callee)}, which cannot be called here`);
    if (!(parameters instanceof PickleTuple)) return this.fail(`REDUCE gives ${describeValue(parameters)} to "${callee.name}"; expected a tuple`);
    this.count(1);
    return callee.build(parameters.items, this);
  }

  /** Attributes of an OrderedDict, of which a state dict has `_metadata`, say nothing about its tensors. */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (!(target instanceof PickleDict) || !target.ordered) this.refuse(`BUILD sets attributes of ${describeValue(target)}; only those of an OrderedDict are read over`);
    if (!(state instanceof PickleDict)) this.fail(`BUILD sets the attributes of an OrderedDict to ${describeValue(state)}; expected a dictionary`);
  }

  #append(items: readonly PickleValue[]): void {
    const target = this.#top();
    if (!(target instanceof PickleList)) this.fail(`${this.#opcode} adds to ${describeValue(target)}; expected a list`);
    for (const item of items) target.items.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const target = this.#top();
    if (!(target instanceof PickleDict)) this.fail(`${this.#opcode} sets items of ${describeValue(target)}; expected a dictionary`);
    if (items.length % 2 !== 0) this.fail(`${this.#opcode} finds ${items.length} keys and values; expected an even number`);
    for (let i = 0; i < items.length; i += 2) target.entries.set(this.#key(items[i] ?? null), items[i + 1] ?? null);
  }

  #key(key: PickleValue): string | number {
    return typeof key === 'string' || typeof key === 'number' ? key : this.fail(`${describeValue(key)} is the key of a dictionary; expected a string or a number`);
  }

  #get(index: number): PickleValue {
    const value = this.#memo.get(index);
    return value === undefined ? this.fail(`${this.#opcode} asks for memo ${index}, which was never put`) : value;
  }

  #push(value: PickleValue): void {
    if (this.#stack.length >= maxStack) this.fail(`more than ${maxStack} values are on the stack, which no state dict needs`);
    this.#stack.push(value);
  }

  #tuple(items: readonly PickleValue[]): PickleTuple {
    this.count(1);
    return new PickleTuple(items);
  }

  #top(): PickleValue {
    return this.#stack.length > (this.#marks.at(-1) ?? 0) ? (this.#stack.at(-1) ?? null) : this.fail(`${this.#opcode} finds the stack empty`);
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PickleValue[] {
    const found = this.#stack.length - (this.#marks.at(-1) ?? 0);
    if (found < count) this.fail(`${this.#opcode} takes ${count} values; the stack has ${found}`);
    return this.#stack.splice(-count);
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    return mark === undefined ? this.fail(`${this.#opcode} finds no mark on the stack`) : this.#stack.splice(mark);
  }

  #place(): string {
    return `byte ${this.#opcodeAt} of ${this.#source.within}`;
  }
}
