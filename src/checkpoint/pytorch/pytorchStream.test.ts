import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError } from '../../data/errors.js';
import { readPytorchFile } from './pytorchFile.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-pytorch-stream-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'pytorch_model.bin');

// Pickles are spelled as strings of one-byte characters, opcode by opcode.
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const text = (value: string): string => `U${String.fromCharCode(value.length)}${value}`;

/** An integer as LONG1 of 9 bytes, which holds any of 64 bits. */
function integer(value: bigint | number): string {
  const bytes = Buffer.alloc(9);
  bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  bytes[8] = value < 0 ? 0xff : 0;
  return `\x8a\x09${bytes.toString('latin1')}`;
}

const tuple = (items: readonly string[]): string => `(${items.join('')}t`;
const integers = (values: readonly (bigint | number)[]): string => tuple(values.map(integer));
const magic = '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.';
const version = '\x80\x02M\xe9\x03.';
const machine = (littleEndian: string): string => `\x80\x02}${text('little_endian')}${littleEndian}s.`;

interface Written {
  readonly type?: string;
  readonly key?: string;
  readonly numel?: bigint | number;
  readonly view?: string;
  readonly offset?: bigint | number;
  readonly shape?: readonly (bigint | number)[];
  readonly strides?: readonly (bigint | number)[];
}

/** By default the 2 by 3 tensor that takes up the whole storage "0" of 6 float32 values. */
function tensor({ type = 'FloatStorage', key = '0', numel = 6, view = 'N', offset = 0, shape = [2, 3], strides = [3, 1] }: Written = {}): string {
  const storage = `${tuple([text('storage'), `ctorch\n${type}\n`, text(key), text('cpu'), integer(numel), view])}Q`;
  return `ctorch._utils\n_rebuild_tensor_v2\n${tuple([storage, integer(offset), integers(shape), integers(strides), '\x89', 'ccollections\nOrderedDict\n)R'])}R`;
}

const stateDict = (entries: Record<string, string>): string => `}(${Object.entries(entries).map(([name, value]) => text(name) + value).join('')}u`;

/** A storage of consecutive float32 values: 0, 1, 2, … */
function storage(count: number, claimed: bigint = BigInt(count)): Buffer {
  const bytes = Buffer.alloc(8 + 4 * count);
  bytes.writeBigUInt64LE(claimed);
  for (let i = 0; i < count; i++) bytes.writeFloatLE(i, 8 + 4 * i);
  return bytes;
}

function stream(value: string, { keys = ['0'], data = [storage(6)], start = magic + version + machine('\x88') }: { keys?: string[]; data?: Buffer[]; start?: string } = {}): Buffer {
  return Buffer.concat([latin1(`${start}\x80\x02${value}.\x80\x02](${keys.map(text).join('')}e.`), ...data]);
}

function read(bytes: Uint8Array): Record<string, number[]> {
  writeFileSync(file, bytes);
  return Object.fromEntries(readPytorchFile(file).map(({ name, entry }) => [name, [...entry.data]]));
}

function rejects(bytes: Uint8Array, message: RegExp, label: string): void {
  writeFileSync(file, bytes);
  assert.throws(() => readPytorchFile(file), (error) => error instanceof DataError && error.message.startsWith(file) && message.test(error.message), label);
}

test('a written state dict is read: slices, strides, views of a storage', () => {
  const view = tuple([text('v'), integer(2), integer(3)]);
  const dict = stateDict({
    whole: tensor(),
    transposed: tensor({ shape: [3, 2], strides: [1, 3] }),
    row: tensor({ offset: 3, shape: [3], strides: [1] }),
    last: tensor({ offset: 5, shape: [], strides: [] }),
    empty: tensor({ offset: 6, shape: [0, 9], strides: [9, 1] }),
    viewed: tensor({ view, shape: [3], strides: [1] }),
    'viewed.last': tensor({ view, offset: 2, shape: [1], strides: [1] }),
  });
  assert.deepEqual(read(stream(dict)), { whole: [0, 1, 2, 3, 4, 5], transposed: [0, 3, 1, 4, 2, 5], row: [3, 4, 5], last: [5], empty: [], viewed: [2, 3, 4], 'viewed.last': [4] });
});

test('an OrderedDict as Python 2 wrote it is read', () => {
  const pair = (name: string, value: string): string => `](${text(name)}${value}e`;
  const dict = `ccollections\nOrderedDict\n](${pair('b', tensor({ shape: [2], strides: [1] }))}${pair('a', tensor())}e\x85R`;
  assert.deepEqual(Object.entries(read(stream(dict))), [['b', [0, 1]], ['a', [0, 1, 2, 3, 4, 5]]]);
  rejects(stream('ccollections\nOrderedDict\n](K\x01e\x85R'), /OrderedDict is given the number 1 in its list; expected a pair/, 'no pair');
  rejects(stream('ccollections\nOrderedDict\nK\x01K\x02\x86R'), /OrderedDict is given 2 arguments/, 'two arguments');
  // One list of 1000 pairs, made into a dictionary again and again.
  rejects(stream(`](](${pair('a', 'N').repeat(1000)}eq\x00${'ccollections\nOrderedDict\nh\x00\x85R'.repeat(600)}e`), /more than 500000 objects/, 'copies of a shared list');
});

test('a tensor beyond its storage is refused by its name', () => {
  const cases: [string, Written, RegExp][] = [
    ['offset', { offset: 1 }, /tensor "w" of shape \[2, 3\], strides \[3, 1\] and offset 1 reaches element 6 of storage "0", which has 6/],
    ['stride', { strides: [4, 1] }, /reaches element 6 of storage "0"/],
    ['size', { shape: [3, 3] }, /reaches element 8/],
    ['one element of an empty view', { shape: [], strides: [], view: tuple([text('v'), integer(6), integer(0)]) }, /reaches element 0 of storage "0", which has 0/],
    ['beyond its view', { shape: [4], strides: [1], view: tuple([text('v'), integer(1), integer(3)]) }, /reaches element 3 of storage "0", which has 3/],
    ['a view beyond its storage', { view: tuple([text('v'), integer(4), integer(3)]) }, /a view ends at element 7 of storage "0", which has 6/],
    ['a product beyond 2^53', { shape: [2 ** 40, 2 ** 40], strides: [2 ** 40, 1] }, /tensor "w" .*reaches element/],
    ['steps beyond the largest number', { shape: Array(30).fill(2 ** 52), strides: Array(30).fill(2 ** 52) }, /tensor "w" .*reaches element/],
    ['expanded beyond memory', { shape: [2 ** 50, 3], strides: [0, 1] }, /tensor "w" has shape \[1125899906842624, 3\] and strides \[0, 1\]: written out, such tensors would take more than twice the file/],
    ['expanded beyond any number', { shape: Array(64).fill(2 ** 50), strides: Array(64).fill(0) }, /written out/],
    ['negative size', { shape: [-2, 3] }, /the size is the number -2; expected a whole number/],
    ['negative stride', { strides: [-3, 1] }, /the stride is the number -3/],
    ['negative offset', { offset: -1 }, /the storage offset is the number -1/],
    ['size beyond 2^53', { shape: [2n ** 53n, 3] }, /the size is the number 9007199254740992/],
    ['fewer strides than sizes', { strides: [1] }, /a tensor has 2 sizes and 1 strides/],
    ['too many axes', { shape: Array(65).fill(1), strides: Array(65).fill(1) }, /has 65 axes; at most 64/],
    ['elements of another number', { numel: 7 }, /storage "0" of tensor "w" has 24 bytes; expected 28 for 7 elements of F32/],
    ['negative number of elements', { numel: -6 }, /the number of elements of a storage is the number -6/],
    ['type that is no storage', { type: 'Storage' }, /GLOBAL names "torch Storage"/],
    ['storage that is not there', { key: '1' }, /storage "0" is in the file, and no tensor lies in it/],
  ];
  for (const [label, written, message] of cases) rejects(stream(stateDict({ w: tensor(written) })), message, label);
  const expanded = tensor({ shape: [50_000, 3], strides: [0, 1] });
  rejects(stream(stateDict({ a: expanded, b: expanded })), /tensor "b" .*written out/, 'two that are too large together');
  rejects(stream(stateDict({ a: tensor(), b: tensor({ type: 'HalfStorage' }) })), /storage "0" has 6 elements of F16 here and 6 of F32 before/, 'two types');
  rejects(stream(stateDict({ a: tensor(), b: tensor({ numel: 5, shape: [5], strides: [1] }) })), /storage "0" has 5 elements of F32 here and 6 of F32 before/, 'two sizes');
});

test('calls with arguments that make no tensor are refused', () => {
  const rebuild = 'ctorch._utils\n_rebuild_tensor_v2\n';
  const cases: [string, string, RegExp][] = [
    ['no arguments', `${rebuild})R`, /_rebuild_tensor_v2 is given 0 arguments; expected 6 or 7/],
    ['no storage', `${rebuild}${tuple(['N', integer(0), ')', ')', '\x89', 'N'])}R`, /_rebuild_tensor_v2 is given None; expected a storage/],
    ['parameter of nothing', 'ctorch._utils\n_rebuild_parameter\nN\x88N\x87R', /_rebuild_parameter is given 3 arguments, the first None/],
    ['parameter of two', `ctorch._utils\n_rebuild_parameter\n${tensor()}\x88\x86R`, /_rebuild_parameter is given 2 arguments, the first a tensor/],
    ['an id that is text', `${text('0')}Q`, /BINPERSID refers to the string "0"; expected \('storage'/],
    ['an id of a module', `${tuple([text('module'), 'N', 'N', 'N', 'N', 'N'])}Q`, /BINPERSID refers to a tuple of 6 that begins with the string "module"/],
    ['an id without a view', `${tuple([text('storage'), 'N', 'N', 'N', 'N'])}Q`, /BINPERSID refers to a tuple of 5/],
    ['a storage of no type', `${tuple([text('storage'), 'N', text('0'), text('cpu'), integer(6), 'N'])}Q`, /a storage has None as its type; expected one of torch FloatStorage/],
    ['a key that is a number', `${tuple([text('storage'), 'ctorch\nFloatStorage\n', 'K\x00', text('cpu'), integer(6), 'N'])}Q`, /a storage has the number 0 as its key/],
    ['a name that is a number', `}K\x01${tensor()}s`, /the number 1 is no name; expected a state dict/],
    ['a name with an escape', stateDict({ '\x1b[2J': tensor() }), /tensor "\\u001b\[2J": the name is empty or has control characters/],
    ['no name', stateDict({ '': tensor() }), /tensor "": the name is empty/],
  ];
  for (const [label, value, message] of cases) rejects(stream(value), message, label);
  rejects(stream(`}q\x00${text('self')}h\x00s`, { keys: [], data: [] }), /keys "self", in which the string "self" is a dictionary of 1, not a tensor/, 'a dictionary of itself');
});

test('a damaged frame around the state dict is refused', () => {
  const dict = stateDict({ w: tensor() });
  const cases: [string, Uint8Array, RegExp][] = [
    ['another version', stream(dict, { start: `${magic}\x80\x02M\xe8\x03.${machine('\x88')}` }), /the version of the format is the number 1000; expected 1001/],
    ['big endian', stream(dict, { start: magic + version + machine('\x89') }), /little_endian False; expected True/],
    ['no facts', stream(dict, { start: `${magic}${version}\x80\x02}.` }), /little_endian missing/],
    ['a storage among the facts', stream(dict, { start: `${magic}${version}\x80\x02NQ.` }), /BINPERSID refers to None where no storage can be/],
    ['a name among the facts', stream(dict, { start: `${magic}${version}\x80\x02ctorch\nFloatStorage\n.` }), /"torch FloatStorage", which is not on the list of what may be named here: nothing/],
    ['no storages', stream(dict, { keys: [], data: [] }), /tensor "w" lies in storage "0", which is not in the file/],
    ['a storage twice', stream(dict, { keys: ['0', '0'], data: [storage(6), storage(6)] }), /storage "0" is in the list of storages twice/],
    ['a storage of nobody', stream(dict, { keys: ['0', '1'], data: [storage(6), storage(1)] }), /storage "1" is in the file, and no tensor lies in it/],
    ['cut data', stream(dict, { data: [storage(6).subarray(0, -1)] }), /storage "0" has 6 elements of 4 bytes at byte \d+; the file ends at byte \d+/],
    ['a huge number of elements', stream(dict, { data: [storage(6, 2n ** 64n - 1n)] }), /storage "0" has 18446744073709551615 elements/],
    ['trailing bytes', stream(dict, { data: [storage(6), Buffer.alloc(3)] }), /the storages end at byte \d+, the file at \d+: 3 bytes too many/],
    ['a list of keys that is none', Buffer.concat([latin1(`${magic}${version}${machine('\x88')}\x80\x02${dict}.\x80\x02N.`), storage(6)]), /the list of storages is None/],
  ];
  for (const [label, bytes, message] of cases) rejects(bytes, message, label);
});
