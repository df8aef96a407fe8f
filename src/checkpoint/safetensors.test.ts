import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError, IoError } from '../data/errors.js';
import { readSafetensors, readSafetensorsFile, writeSafetensors } from './safetensors.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-safetensors-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'x.safetensors');

/** A file with the given header text and data bytes; `length` overrides the header length. */
function write(header: string, data: Uint8Array | number = 0, length?: bigint): void {
  const text = Buffer.from(header, 'utf8');
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  writeFileSync(file, Buffer.concat([prefix, text, typeof data === 'number' ? Buffer.alloc(data) : data]));
}

function rejects(message: RegExp, label: string): void {
  assert.throws(() => readSafetensors(file), (error) => error instanceof DataError && error.exitCode === 65 && error.message.startsWith(file) && message.test(error.message), label);
}

test('what was written is read back, sorted, aligned and with its metadata', () => {
  const weights = Float32Array.from([1, -2.5, 3e-30, 4, 5, Number.NaN]);
  writeSafetensors(file, new Map([
    ['z', { shape: [2, 3], data: weights }],
    ['flag', { shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ['a', { shape: [1], data: Int32Array.of(-7) }],
    ['none', { shape: [0, 5], data: new Float32Array(0) }],
  ]), { format: 'pt' });
  const { tensors, metadata } = readSafetensorsFile(file);
  assert.equal(metadata['format'], 'pt');
  assert.deepEqual([...tensors.keys()].sort(), ['a', 'flag', 'none', 'z']);
  const z = tensors.get('z');
  assert.deepEqual(z?.shape, [2, 3]);
  assert.deepEqual(z?.data, weights);
  assert.equal(z?.data.buffer, z?.bytes.buffer, 'aligned float32 data is a view, not a copy');
  assert.deepEqual([...(tensors.get('flag')?.bytes ?? [])], [1, 0, 1]);
  assert.throws(() => tensors.get('a')?.data, /tensor "a" has dtype I32; expected F32/);
  assert.equal((readFileSync(file).readUInt32LE(0) + 8) % 8, 0);
});

test('the same tensors give the same bytes, in whatever order they come', () => {
  const tensors: [string, { shape: number[]; data: Float32Array }][] = [['b', { shape: [1], data: Float32Array.of(1) }], ['a', { shape: [1], data: Float32Array.of(2) }]];
  writeSafetensors(file, new Map(tensors));
  const first = readFileSync(file);
  writeSafetensors(file, new Map([...tensors].reverse()));
  assert.deepEqual(readFileSync(file), first);
});

test('half precision is widened exactly', () => {
  const f16 = Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555, 0x8000).buffer);
  const bf16 = Buffer.from(Uint16Array.of(0x3f80, 0xc000, 0x4049).buffer);
  write('{"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[12,18]}}', Buffer.concat([f16, bf16]));
  const tensors = readSafetensors(file);
  assert.deepEqual([...(tensors.get('h')?.data ?? [])], [1, -2, 2 ** -24, Number.POSITIVE_INFINITY, 0.333251953125, -0]);
  assert.deepEqual([...(tensors.get('b')?.data ?? [])], [1, -2, 3.140625]);
});

test('unaligned float32 data that is legal still loads', () => {
  const data = Buffer.concat([Buffer.from([9]), Buffer.from(Float32Array.of(1.5, -8).buffer)]);
  write('{"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}', data);
  assert.deepEqual([...(readSafetensors(file).get('f')?.data ?? [])], [1.5, -8]);
});

test('hostile and damaged files are refused by name, before anything large is allocated', () => {
  const entry = (begin: number | string, end: number | string, shape = '[1]', dtype = 'F32'): string => `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
  const cases: [string, string, number, RegExp][] = [
    ['duplicate key', `{"a":${entry(0, 4)},"a":${entry(4, 8)}}`, 8, /duplicate key "a"/],
    ['overlap', `{"a":${entry(0, 8, '[2]')},"b":${entry(4, 12, '[2]')}}`, 12, /"b" starts at byte 4, inside/],
    ['hole', `{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12, /"b" starts at byte 8; bytes 4 to 8 belong to no tensor/],
    ['hole at the start', `{"a":${entry(4, 8)}}`, 8, /bytes 0 to 4 belong to no tensor/],
    ['trailing bytes', `{"a":${entry(0, 4)}}`, 7, /3 bytes too many/],
    ['cut file', `{"a":${entry(0, 8, '[2]')}}`, 4, /"a": its data ends at byte 8, the file's data at 4/],
    ['size mismatch', `{"a":${entry(0, 8, '[3]')}}`, 8, /"a": shape \[3\] of F32 needs 12 bytes, data_offsets give 8/],
    ['product beyond 2^53', `{"a":${entry(0, 4, '[94906267,94906267,2]')}}`, 4, /"a": shape/],
    ['size beyond 2^53', `{"a":${entry(0, 4, '[9007199254740993]')}}`, 4, /"a": the shape is not/],
    ['offset beyond 2^53', `{"a":${entry(0, '18446744073709551615')}}`, 4, /"a": data_offsets is not/],
    ['negative size', `{"a":${entry(0, 4, '[-1,-1]')}}`, 4, /"a": the shape is not/],
    ['fractional size', `{"a":${entry(0, 4, '[0.5,2]')}}`, 4, /"a": the shape is not/],
    ['ends before it starts', `{"a":${entry(4, 0)}}`, 4, /lies before their start/],
    ['control character', `{"a\\u0007":${entry(0, 4)}}`, 4, /"a\\u0007": the name is empty or has control/],
    ['empty name', `{"":${entry(0, 4)}}`, 4, /the name is empty/],
    ['unknown dtype', `{"a":${entry(0, 4, '[1]', 'F31')}}`, 4, /"a": unknown dtype "F31"/],
    ['unknown key', `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"offset":1}}`, 4, /unknown key "offset"/],
    ['not an object', '{"a":[0,4]}', 4, /"a": expected an object/],
    ['metadata with a number', '{"__metadata__":{"format":1}}', 0, /__metadata__ "format" is not a string/],
    ['array header', '[]', 0, /header starts with "\["/],
    ['white space first', ' {}', 0, /header starts with " "/],
    ['depth attack', `{"a":${'['.repeat(10_000)}`, 0, /levels of nesting/],
  ];
  for (const [label, header, data, message] of cases) {
    write(header, data);
    rejects(message, label);
  }
  write('{}', 0, 100_000_001n);
  rejects(/claims 100000001 bytes; at most 100000000/, 'header over 100 MB');
  write('{}', 0, 0xffffffffffffffffn);
  rejects(/at most 100000000/, 'header length of 2^64 - 1');
  write('{}', 0, 3n);
  rejects(/claims 3 bytes; the file has 2/, 'header beyond the file');
  writeFileSync(file, Buffer.alloc(5));
  rejects(/has 5 bytes/, 'too short');
  write('{"\u00e9":1}');
  writeFileSync(file, Buffer.from(readFileSync(file)).fill(0xff, 10, 11));
  rejects(/not UTF-8/, 'bad UTF-8');
});

test('the names __proto__ and constructor are ordinary tensors', () => {
  const one = { shape: [1], data: Float32Array.of(1) };
  writeSafetensors(file, new Map([['__proto__', one], ['constructor', one]]));
  assert.deepEqual([...readSafetensors(file).keys()].sort(), ['__proto__', 'constructor']);
});

test('one flipped bit anywhere in our own file is noticed', () => {
  writeSafetensors(file, new Map([['weight', { shape: [3], data: Float32Array.of(0.5, 0.25, 4) }]]), { format: 'pt' });
  const good = readFileSync(file);
  for (const at of [good.length - 1, good.length - 12, good.indexOf('weight')]) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    writeFileSync(file, bad);
    rejects(/damaged after it was written/, `byte ${at}`);
  }
});

test('a missing file is an input/output error', () => {
  assert.throws(() => readSafetensors(path.join(folder, 'absent')), IoError);
});
