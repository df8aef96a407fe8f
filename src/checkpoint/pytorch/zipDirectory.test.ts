import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { crc32 } from 'node:zlib';
import { DataError } from '../../data/errors.js';
import { readPytorchFile } from './pytorchFile.js';
import { PytorchInput } from './pytorchInput.js';
import { readZipDirectory, type ZipEntry } from './zipDirectory.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-zip-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'pytorch_model.bin');
const fixtures = path.resolve(import.meta.dirname, '../../../../src/checkpoint/fixtures/pytorch');

interface Entry {
  readonly name: string;
  readonly data?: string | Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc32?: number;
  /** Sizes and position of the directory stand in ZIP64's extra field. */
  readonly zip64?: boolean;
  /** Sizes follow the data, and the local header has none. */
  readonly descriptor?: boolean;
  readonly localName?: string;
  readonly size?: number;
  readonly position?: number;
}

interface End {
  readonly zip64?: boolean;
  readonly comment?: string;
  readonly entries?: number;
  readonly size?: number;
  readonly position?: number;
}

/** Little-endian fields: pairs of bytes and value. */
function fields(...pairs: readonly [1 | 2 | 4 | 8, number][]): Buffer {
  return Buffer.concat(pairs.map(([size, value]) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes.subarray(0, size);
  }));
}

/** An archive written by the specification, with whatever fields are to be wrong. */
function archive(entries: readonly Entry[], end: End = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const { name, method = 0, descriptor = false, zip64 = false, localName = name } = entry;
    const data = Buffer.from(entry.data ?? '');
    const sum = entry.crc32 ?? crc32(data);
    const size = entry.size ?? data.length;
    const flags = (entry.flags ?? 0) | (descriptor ? 8 : 0);
    const head = descriptor ? fields([4, 0], [4, 0], [4, 0]) : fields([4, sum], [4, size], [4, size]);
    const padding = Buffer.from('FB\x05\x00ZZZZZ');
    const local = Buffer.concat([fields([4, 0x04034b50], [2, 20], [2, flags], [2, method], [4, 0]), head, fields([2, localName.length], [2, padding.length]), Buffer.from(localName), padding, data]);
    parts.push(local, descriptor ? fields([4, 0x08074b50], [4, sum], [4, size], [4, size]) : Buffer.alloc(0));
    const position = entry.position ?? at;
    const other = fields([2, 0x7777], [2, 3], [1, 1], [2, 2]);
    const extra = zip64 ? Buffer.concat([other, fields([2, 1], [2, 24], [8, size], [8, size], [8, position])]) : Buffer.alloc(0);
    const short = (value: number): [4, number] => [4, zip64 ? 0xffffffff : value];
    directory.push(Buffer.concat([
      fields([4, 0x02014b50], [2, 45], [2, 45], [2, flags], [2, method], [4, 0], [4, sum], short(size), short(size), [2, name.length], [2, extra.length], [2, 4], [2, 0], [2, 0], [4, 0], short(position)),
      Buffer.from(name), extra, Buffer.from('note'),
    ]));
    at = parts.reduce((total, part) => total + part.length, 0);
  }
  const listed = Buffer.concat(directory);
  const { zip64 = false, comment = '', entries: count = entries.length, size = listed.length, position = at } = end;
  const wide = zip64 ? Buffer.concat([fields([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, position]), fields([4, 0x07064b50], [4, 0], [8, at + listed.length], [4, 1])]) : Buffer.alloc(0);
  const short = (value: number, bytes: 2 | 4): [2 | 4, number] => [bytes, zip64 ? 256 ** bytes - 1 : value];
  return Buffer.concat([...parts, listed, wide, fields([4, 0x06054b50], [2, 0], [2, 0], short(count, 2), short(count, 2), short(size, 4), short(position, 4), [2, comment.length]), Buffer.from(comment)]);
}

function read(bytes: Uint8Array): Map<string, ZipEntry> {
  writeFileSync(file, bytes);
  const input = new PytorchInput(file);
  try {
    return readZipDirectory(input);
  } finally {
    input.close();
  }
}

function rejects(bytes: Uint8Array, message: RegExp, label: string): void {
  assert.throws(() => read(bytes), (error) => error instanceof DataError && error.message.startsWith(file) && message.test(error.message), label);
}

test('entries are found with ZIP64, data descriptors, comments and extra fields', () => {
  const one: Entry = { name: 'm/data.pkl', data: 'pickle' };
  const two: Entry = { name: 'm/data/0', data: 'weights' };
  const cases: [string, Buffer][] = [
    ['plain', archive([one, two])],
    ['data descriptors', archive([{ ...one, descriptor: true }, { ...two, descriptor: true }])],
    ['ZIP64 at the end', archive([one, two], { zip64: true })],
    ['ZIP64 throughout', archive([{ ...one, zip64: true }, { ...two, zip64: true }], { zip64: true })],
    ['a comment', archive([one, two], { comment: 'written by hand' })],
    ['a comment that looks like an end', archive([one, two], { comment: `PK\x05\x06${'\x00'.repeat(30)}` })],
    ['the longest comment', archive([one, two], { comment: 'c'.repeat(0xffff) })],
  ];
  for (const [label, bytes] of cases) {
    const found = [...read(bytes).values()].map(({ name, size, crc32: sum, position }) => [name, sum, bytes.subarray(position, position + size).toString()]);
    assert.deepEqual(found, [['m/data.pkl', crc32('pickle'), 'pickle'], ['m/data/0', crc32('weights'), 'weights']], label);
  }
  assert.equal(read(archive([])).size, 0);
});

test('damaged and hostile directories are refused, with the entry named', () => {
  const one: Entry = { name: 'm/a', data: 'abc' };
  const cases: [string, Buffer, RegExp][] = [
    ['compressed', archive([{ ...one, method: 8 }]), /entry "m\/a" is compressed \(method 8\); torch\.save stores/],
    ['encrypted', archive([{ ...one, flags: 1 }]), /entry "m\/a" is encrypted/],
    ['twice', archive([one, one]), /entry "m\/a" is in the archive twice/],
    ['the same bytes twice', archive([one, { name: 'm/b', data: 'abc', position: 0, localName: 'm/b' }]), /entry "m\/b" starts at byte 0, inside the entry before it, which ends at 45/],
    ['overlap', archive([{ ...one, size: 10 }, { name: 'm/b', data: 'x'.repeat(50) }]), /entry "m\/b" starts at byte 45, inside the entry before it, which ends at 52/],
    ['into the directory', archive([{ ...one, size: 4 }]), /entry "m\/a" ends at byte \d+, inside the directory/],
    ['beyond the file', archive([{ ...one, zip64: true, size: 2 ** 40 }]), /entry "m\/a" ends at byte \d+, inside the directory/],
    ['beyond any file', archive([{ ...one, zip64: true, size: 2 ** 60 }]), /the size of entry "m\/a" is 1152921504606846976, beyond any file/],
    ['position beyond the file', archive([{ ...one, position: 0xfffffff }]), /the local header of entry "m\/a" takes 33 bytes from byte 268435455/],
    ['position of nothing', archive([{ ...one, position: 1 }]), /the local header of entry "m\/a" is not at byte 1/],
    ['no ZIP64 field', archive([{ ...one, size: 0xffffffff }]), /entry "m\/a" leaves its size to a ZIP64 field that it does not have/],
    ['another local name', archive([{ ...one, localName: 'm/b' }]), /the local header of entry "m\/a", at byte 0, has another name/],
    ['a longer local name', archive([{ ...one, localName: 'm/aa' }]), /has another name/],
    ['too many entries', archive([one], { entries: 2 }), /claims 2 entries in \d+ bytes/],
    ['too few entries', archive([one, { name: 'm/b' }], { entries: 1 }), /the archive's directory has 53 bytes after its 1 entries/],
    ['directory beyond its end', archive([one], { size: 10_000 }), /the archive's directory takes 10000 bytes from byte \d+; its end is at byte/],
    ['directory that is none', archive([one], { position: 0, size: 53 }), /entry 1 of 1 in the archive's directory does not begin/],
    ['entries beyond counting', archive([one], { zip64: true, entries: 2 ** 50 }), /claims 1125899906842624 entries/],
    ['no end', archive([one]).subarray(0, -1), /found no end of a zip archive's directory/],
    ['ZIP64 end elsewhere', Buffer.concat([archive([one]).subarray(0, -22), fields([4, 0x07064b50], [4, 0], [8, 5], [4, 1]), archive([one]).subarray(-22)]), /points to byte 5, where no ZIP64 end is/],
  ];
  for (const [label, bytes, message] of cases) rejects(bytes, message, label);
});

test("PyTorch's own entries are checked", () => {
  const whole = readFileSync(path.join(fixtures, 'small-zip.bin'));
  const parts = new Map([...read(whole).values()].map(({ name, size, position }) => [name.replace('archive/', ''), whole.subarray(position, position + size)]));
  const written = (changes: Record<string, string | Uint8Array | undefined> = {}, more: readonly Entry[] = [], prefix = 'my model/'): Buffer => {
    const kept = [...parts].filter(([name]) => !(name in changes)).map(([name, data]) => ({ name: prefix + name, data }));
    const changed = Object.entries(changes).flatMap(([name, data]) => (data === undefined ? [] : [{ name: prefix + name, data }]));
    return archive([...kept, ...changed, ...more]);
  };
  const names = (bytes: Uint8Array): string[] => {
    writeFileSync(file, bytes);
    return readPytorchFile(file).map(({ name }) => name);
  };
  assert.deepEqual(names(written()), ['weight', 'tied', 'half'], 'in a folder of another name');
  assert.deepEqual(names(written({ byteorder: undefined, version: undefined, '.data/serialization_id': undefined })), ['weight', 'tied', 'half'], 'without what older versions did not write');
  assert.deepEqual(names(written({}, [{ name: 'my model/' }])), ['weight', 'tied', 'half'], 'with an entry for the folder');

  const badChecksum = archive([...parts].map(([name, data]) => ({ name: `m/${name}`, data, ...(name === 'data.pkl' ? { crc32: 0 } : {}) })));
  const cases: [string, Buffer, RegExp][] = [
    ['big endian', written({ byteorder: 'big' }), /entry "my model\/byteorder" says "big"; expected little/],
    ['a long byteorder', written({ byteorder: 'x'.repeat(100) }), /says "100 bytes"/],
    ['a later version', written({ version: '11\n' }), /entry "my model\/version" says "11\\n"; expected a number from 1 to 10/],
    ['no version', written({ version: '' }), /version" says ""/],
    ['no pickle', written({ 'data.pkl': undefined }), /has 0 entries NAME\/data\.pkl, expected one; it holds "my model\/\.format_version"/],
    ['not in a folder', written({}, [], ''), /has 0 entries NAME\/data\.pkl/],
    ['two pickles', written({}, [{ name: 'other/data.pkl' }]), /has 2 entries NAME\/data\.pkl/],
    ['TorchScript', written({}, [{ name: 'my model/constants.pkl' }]), /is a TorchScript program/],
    ['no storage', written({ 'data/0': undefined }), /tensor "weight" lies in storage "0", which is not in the file/],
    ['a short storage', written({ 'data/0': 'abcd' }), /storage "0" of tensor "weight" has 4 bytes; expected 24 for 6 elements of F32/],
    ['a long storage', written({ 'data/0': 'x'.repeat(28) }), /has 28 bytes; expected 24/],
    ['more than a pickle', written({ 'data.pkl': Buffer.concat([parts.get('data.pkl') ?? Buffer.alloc(0), Buffer.from('more')]) }), /entry "my model\/data\.pkl" has 4 bytes after the end of its pickle/],
    ['another checksum', badChecksum, /the data of entry "m\/data\.pkl" do not match its checksum/],
  ];
  for (const [label, bytes, message] of cases) {
    writeFileSync(file, bytes);
    assert.throws(() => readPytorchFile(file), (error) => error instanceof DataError && error.message.startsWith(file) && message.test(error.message), label);
  }
});
