import assert from 'node:assert/strict';
import test from 'node:test';
import { ProtobufMessage } from './protobuf.js';

function bytesOf(fill: (message: ProtobufMessage) => void): number[] {
  const message = new ProtobufMessage();
  fill(message);
  const bytes = [...Buffer.concat([...message.chunks()])];
  assert.equal(bytes.length, message.byteLength);
  return bytes;
}

// Worked by hand from the specification of the wire format.
const encodings: readonly [title: string, fill: (message: ProtobufMessage) => void, bytes: readonly number[]][] = [
  ['an integer of one byte', (message) => message.integer(1, 1), [0x08, 0x01]],
  ['an integer of two bytes, the lower seven bits first', (message) => message.integer(1, 150), [0x08, 0x96, 0x01]],
  ['a field number above 15, whose tag has two bytes', (message) => message.integer(20, 7), [0xa0, 0x01, 0x07]],
  ['an integer above 2^32', (message) => message.integer(1, 2 ** 35), [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ['-1, as ten bytes of two\'s complement', (message) => message.integer(3, -1), [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['a float32, little endian', (message) => message.float(2, 1.5), [0x15, 0x00, 0x00, 0xc0, 0x3f]],
  ['a float64, little endian', (message) => message.double(1, 1.5), [0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]],
  ['a string in UTF-8', (message) => message.string(2, 'tä'), [0x12, 0x03, 0x74, 0xc3, 0xa4]],
  ['an empty string', (message) => message.string(1, ''), [0x0a, 0x00]],
];
for (const [title, fill, bytes] of encodings) test(title, () => assert.deepEqual(bytesOf(fill), bytes));

test('a message in a message, its length before it', () => {
  const inner = new ProtobufMessage();
  inner.integer(1, 150);
  assert.deepEqual(bytesOf((message) => {
    message.message(3, inner);
    message.integer(4, 2);
  }), [0x1a, 0x03, 0x08, 0x96, 0x01, 0x20, 0x02]);
});

test('later bytes are asked for one after another, and only while they are written', () => {
  const asked: number[] = [];
  const message = new ProtobufMessage();
  for (const value of [1, 2]) {
    message.bytes(1, {
      byteLength: 2,
      bytes: () => {
        asked.push(value);
        return Uint8Array.of(value, value);
      },
    });
  }
  assert.equal(message.byteLength, 8);
  const log: [asked: number, chunk: number[]][] = [];
  for (const chunk of message.chunks()) if (chunk.length > 0) log.push([asked.length, [...chunk]]);
  assert.deepEqual(log, [[0, [0x0a, 2]], [1, [1, 1]], [1, [0x0a, 2]], [2, [2, 2]]]);
});

test('more or fewer bytes than announced, and what is no integer, are errors', () => {
  assert.throws(() => bytesOf((message) => message.bytes(1, { byteLength: 3, bytes: () => new Uint8Array(2) })), /2 bytes came where 3 were announced/);
  assert.throws(() => bytesOf((message) => message.integer(1, 1.5)), /1.5 is no integer/);
});

test('a file is written in few pieces, however many fields it has', () => {
  const message = new ProtobufMessage();
  for (let i = 0; i < 30_000; i++) message.string(1, 'a field of some length');
  const sizes = [...message.chunks()].map(({ length }) => length);
  assert.ok(sizes.length < 20, `${sizes.length} pieces`);
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), 30_000 * 24);
});
