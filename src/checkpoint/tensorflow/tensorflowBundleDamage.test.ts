/** Every way in which the files of a TensorFlow checkpoint may be wrong: each is an error by name, never a crash, a loop or a large allocation. */
import assert from 'node:assert/strict';
import { closeSync, cpSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError, IoError } from '../../data/errors.js';
import { crc32c, maskCrc32c } from '../crc32c.js';
import { readSafetensors } from '../safetensors.js';
import { readTensorFlowBundle } from './tensorflowBundle.js';
import { ByteReader } from './tensorflowBundleBytes.js';
import { checksumField, message, shapeOf, tableOf } from './testing/tensorflowBundle.js';
import { assertEqual, entryOf, fixtures, readMade } from './testing/tensorflowFixtures.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-tensorflow-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of a fixture that a test may damage. */
function copyOf(fixture: string): { index: string; data: string } {
  const target = path.join(folder, fixture);
  cpSync(path.join(fixtures, fixture), target, { recursive: true });
  const name = fixture === 'tf-kinds' ? 'kinds.ckpt' : 'bert_model.ckpt';
  return { index: path.join(target, `${name}.index`), data: path.join(target, `${name}.data-00000-of-00001`) };
}

/** Calls `change` with a descriptor of the file; to write it anew thousands of times would take minutes on some disks. */
function inPlace(file: string, change: (descriptor: number) => void): void {
  const descriptor = openSync(file, 'r+');
  try {
    change(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What reading the index throws; undefined where nothing. */
function errorOf(index: string): unknown {
  try {
    readTensorFlowBundle(index);
  } catch (error) {
    return error;
  }
  return undefined;
}

function assertDataError(error: unknown, label: string): void {
  assert.ok(error instanceof DataError && error.message.startsWith(folder), `${label}: ${String(error)}`);
}

test('an index cut at any byte is refused', () => {
  for (const fixture of ['tf-pretrained', 'tf-kinds']) {
    const { index } = copyOf(fixture);
    inPlace(index, (descriptor) => {
      for (let length = fstatSync(descriptor).size - 1; length >= 0; length--) {
        ftruncateSync(descriptor, length);
        assertDataError(errorOf(index), `${fixture}, ${length} bytes`);
      }
    });
  }
});

test('an index with any byte changed is refused or says the same', () => {
  const { index } = copyOf('tf-pretrained');
  const whole = readFileSync(index);
  const expected = readSafetensors(path.join(fixtures, 'tf-pretrained', 'expected.safetensors'));
  let same = 0;
  inPlace(index, (descriptor) => {
    for (let at = 0; at < whole.length; at++) {
      writeSync(descriptor, Buffer.of((whole[at] ?? 0) ^ (1 << (at % 8))), 0, 1, at);
      const error = errorOf(index);
      if (error === undefined) {
        same++;
        assertEqual(readTensorFlowBundle(index), expected);
      } else assertDataError(error, `byte ${at}`);
      writeSync(descriptor, whole, at, 1, at);
    }
  });
  // Only the meta index block, which holds nothing, and the unused bytes of the footer say nothing.
  assert.ok(same < 60, `${same} changed bytes were not noticed`);
});

test('an index with any byte changed and its checksums made right never does worse than an error by name', () => {
  const { index } = copyOf('tf-kinds');
  const whole = readFileSync(index);
  const footer = new ByteReader(index, whole.subarray(-48), 0);
  const [metaStart, , indexStart, indexSize] = Array.from({ length: 4 }, () => footer.size('a number'));
  assert.ok(metaStart !== undefined && indexStart !== undefined && indexSize !== undefined);
  const blocks = [[0, metaStart - 5], [indexStart, indexStart + indexSize]] as const;
  const seal = (bytes: Buffer): Buffer => {
    for (const [start, end] of blocks) bytes.writeUInt32LE(maskCrc32c(crc32c(bytes.subarray(start, end + 1))), end + 1);
    return bytes;
  };
  assert.deepEqual(seal(Buffer.from(whole)), whole, 'the blocks are where the test takes them to be');
  const isByName = (error: unknown): boolean => (error instanceof DataError || error instanceof IoError) && error.message.includes(folder);
  /** Nothing else may be thrown, and nothing larger than the data file handed out. */
  const readAll = (label: string): void => {
    try {
      for (const { entry } of readTensorFlowBundle(index)) {
        try {
          assert.ok(entry.bytes.length <= 103, label);
        } catch (error) {
          assert.ok(isByName(error), `values, ${label}: ${String(error)}`);
        }
      }
    } catch (error) {
      assert.ok(isByName(error), `${label}: ${String(error)}`);
    }
  };
  inPlace(index, (descriptor) => {
    for (let at = 0; at < whole.length; at++) {
      for (const mask of [1, 2, 8, 0x80, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ mask;
        writeSync(descriptor, seal(changed), 0, whole.length, 0);
        readAll(`byte ${at} ^ ${mask}`);
      }
    }
  });
});

test('a changed byte of the data is noticed when its tensor is read, and only then', () => {
  const { index, data } = copyOf('tf-pretrained');
  const whole = readFileSync(data);
  const expected = readSafetensors(path.join(fixtures, 'tf-pretrained', 'expected.safetensors'));
  const bias = expected.get('bert.pooler.dense.bias');
  assert.ok(bias !== undefined);
  const at = whole.indexOf(bias.bytes);
  for (let byte = at; byte < at + bias.bytes.length; byte++) {
    const changed = Buffer.from(whole);
    changed[byte] = (changed[byte] ?? 0) ^ 0x10;
    writeFileSync(data, changed);
    const tensors = readTensorFlowBundle(index);
    assert.throws(() => entryOf(tensors, 'bert.pooler.dense.bias').data, (error) => {
      assertDataError(error, `byte ${byte}`);
      return new RegExp(`^${data}: variable "bert/pooler/dense/bias" has 32 bytes at byte ${at} with checksum 0x[0-9a-f]+; the index says 0x`).test(String((error as Error).message));
    });
    assert.deepEqual(entryOf(tensors, 'bert.pooler.dense.weight').data, expected.get('bert.pooler.dense.weight')?.data);
  }
});

test('data cut at any byte is refused at once, and data cut after that when it is read', () => {
  const { index, data } = copyOf('tf-kinds');
  const whole = readFileSync(data);
  inPlace(data, (descriptor) => {
    for (let length = whole.length - 1; length >= 0; length--) {
      ftruncateSync(descriptor, length);
      const error = errorOf(index);
      assertDataError(error, `${length} bytes`);
      assert.match(String(error), new RegExp(`variable "[a-z]+" has \\d+ bytes at byte \\d+; the file ends at byte ${length}`));
    }
  });
  writeFileSync(data, whole);
  const tensors = readTensorFlowBundle(index);
  writeFileSync(data, whole.subarray(0, 50));
  assert.throws(() => entryOf(tensors, 'double').bytes, (error) => error instanceof DataError && /variable "double" has 16 bytes at byte 54, past the end of the file/.test(error.message), 'cut after it was opened');
});

test('absent files are input/output errors that name the file', () => {
  const { index, data } = copyOf('tf-pretrained');
  unlinkSync(data);
  assert.throws(() => readTensorFlowBundle(index), (error) => error instanceof IoError && error.message.startsWith(`${data}: `) && error.hint !== undefined);
  unlinkSync(index);
  assert.throws(() => readTensorFlowBundle(index), (error) => error instanceof IoError && error.message.startsWith(`${index}: `));
  assert.throws(() => readTensorFlowBundle(data), (error) => error instanceof DataError && /expected the index of a TensorFlow checkpoint, whose name ends in \.index/.test(error.message));
});

test('wrong headers and entries are refused with variable, found and expected', () => {
  const values = Buffer.from(Float32Array.of(2.5).buffer);
  const checksum = checksumField(values);
  const good = Buffer.concat([message([1, 1], [2, shapeOf(1)], [5, 4]), checksum]);
  assert.deepEqual([...entryOf(readMade(folder, [['v', good]]), 'v').data], [2.5]);
  const headers: [string, Uint8Array, RegExp][] = [
    ['big endian', message([1, 1], [2, 1]), /the checkpoint is big endian; expected little endian/],
    ['later version', message([1, 1], [3, message([1, 3], [2, 2])]), /needs a reader of version 2; this one has version 1/],
    ['no data files', message([2, 0]), /counts 0 data files; expected at least 1/],
    ['negative count', message([1, -1]), /num_shards is -1; expected 0 to 2\^53 - 1/],
    ['count of another type', message([1, Buffer.of(1)]), /num_shards \(field 1\) has another wire type than its own/],
    ['field 0', Buffer.of(0, 0), /a field has number 0/],
    ['group', Buffer.of(11), /field 1 has wire type 3; expected 0, 1, 2 or 5/],
    ['cut field', Buffer.of(0x1a, 5, 1), /field 3 needs 5 bytes; 1 are left/],
  ];
  for (const [label, head, expected] of headers) {
    assert.throws(() => readMade(folder, [['v', good]], head), (error) => error instanceof DataError && expected.test(error.message) && error.hint !== undefined, label);
  }
  const entries: [string, string | Uint8Array, Uint8Array, RegExp][] = [
    ['no dtype', 'v', message([2, shapeOf(1)], [5, 4]), /variable "v" has no dtype/],
    ['data file too many', 'v', Buffer.concat([good, message([3, 1])]), /variable "v" lies in data file 1; expected less than 1/],
    ['size of another shape', 'v', Buffer.concat([good, message([5, 3])]), /variable "v" has shape \[1\] of F32, which needs 4 bytes; the index says 3/],
    ['product beyond 2^53', 'v', Buffer.concat([message([1, 1], [2, shapeOf(2 ** 30, 2 ** 30, 2 ** 30)], [5, 4]), checksum]), /needs 4\.9\d+e\+27 bytes/],
    ['negative dimension', 'v', Buffer.concat([message([1, 1], [2, shapeOf(-1)], [5, 4]), checksum]), /the size of a dimension is -1/],
    ['unknown rank', 'v', message([1, 1], [2, message([3, 1])]), /unknown number of dimensions/],
    ['255 dimensions', 'v', message([1, 1], [2, shapeOf(...Array.from({ length: 255 }, () => 1))], [5, 4]), /more than 254 dimensions/],
    ['offset past the end', 'v', Buffer.concat([good, message([4, 1])]), /variable "v" has 4 bytes at byte 1; the file ends at byte 4/],
    ['offset of 2^53', 'v', Buffer.concat([good, message([4, 2 ** 53])]), /offset is 9007199254740992; expected 0 to 2\^53 - 1/],
    ['size of 1 TB', 'v', message([1, 1], [2, shapeOf(2 ** 38)], [5, 2 ** 40]), /variable "v" has 1099511627776 bytes at byte 0; the file ends at byte 4/],
    ['no checksum', 'v', message([1, 1], [2, shapeOf(1)], [5, 4]), /variable "v" has no checksum/],
    ['checksum as a varint', 'v', message([1, 1], [2, shapeOf(1)], [5, 4], [6, 1]), /crc32c \(field 6\) has another wire type/],
    ['control character', 'v\u0007', good, /the name of this variable, "v\\u0007", has control characters/],
    ['bad UTF-8', Buffer.of(0xff), good, /the name of this variable is not UTF-8/],
    ['no such dtype', 'v', message([1, 77], [2, shapeOf(1)], [5, 4]), /variable "v" has dtype DataType 77; expected F32/],
    ['TensorFlow 2', '_CHECKPOINTABLE_OBJECT_GRAPH', message([1, 7], [5, 4]), /holds a TensorFlow 2 object graph and no variable by BERT's names/],
  ];
  for (const [label, name, entry, expected] of entries) {
    const isExpected = (error: unknown): boolean => error instanceof DataError && expected.test(error.message) && error.hint !== undefined;
    assert.throws(() => readMade(folder, [[name, entry]]).map((tensor) => tensor.entry.bytes), isExpected, label);
  }
  assert.throws(() => readMade(folder, [['v', good]], Buffer.of()), /counts 0 data files/);
  const index = path.join(folder, 'made.index');
  writeFileSync(index, tableOf());
  assert.throws(() => readTensorFlowBundle(index), /the index is empty; expected a header and variables/);
  writeFileSync(index, tableOf([['v', good]]));
  assert.throws(() => readTensorFlowBundle(index), /the first entry of the index is not the header/);
});

test('a matrix without elements and with 2^52 rows does not take forever', () => {
  const entry = Buffer.concat([message([1, 1], [2, shapeOf(2 ** 52, 0)]), checksumField(Buffer.of())]);
  const { shape, bytes } = entryOf(readMade(folder, [['bert/pooler/dense/kernel', entry]]), 'bert.pooler.dense.weight');
  assert.deepEqual([shape, bytes.length], [[0, 2 ** 52], 0]);
});
