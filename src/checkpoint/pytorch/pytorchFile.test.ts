import assert from 'node:assert/strict';
import { closeSync, copyFileSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError, IoError } from '../../data/errors.js';
import { readPytorchFile } from './pytorchFile.js';
import { readSafetensors } from '../safetensors.js';
import type { StoredTensor } from '../storedTensor.js';

// Compiled to dist/src/checkpoint/pytorch; the fixtures stay beside the source. scripts/goldens/makePytorchFiles.py wrote them.
const fixtures = path.resolve(import.meta.dirname, '../../../../src/checkpoint/fixtures/pytorch');
const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-pytorch-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'pytorch_model.bin');

function rejects(bytes: Uint8Array | string, message: RegExp, label: string): void {
  writeFileSync(file, bytes);
  assert.throws(() => readPytorchFile(file), (error) => error instanceof DataError && error.exitCode === 65 && error.message.startsWith(file) && error.hint !== undefined && message.test(error.message), label);
}

/** Names, dtypes, shapes and bytes, for a comparison with deepEqual. */
function contents(tensors: readonly StoredTensor[]): [string, string, readonly number[], string][] {
  return tensors.map(({ name, entry }) => [name, entry.dtype, entry.shape, Buffer.from(entry.bytes).toString('hex')]);
}

function expectedContents(name: string): [string, string, readonly number[], string][] {
  const tensors = readSafetensors(path.join(fixtures, `${name}.safetensors`));
  return contents([...tensors].map(([key, entry]) => ({ name: key, file, entry })));
}

const byName = ([a]: [string, ...unknown[]], [b]: [string, ...unknown[]]): number => (a < b ? -1 : 1);

for (const format of ['zip', 'stream']) {
  test(`a state dict in the ${format} format has the tensors that PyTorch has, bit for bit`, () => {
    for (const name of ['tensors', 'many', 'small']) {
      const found = readPytorchFile(path.join(fixtures, `${name}-${format}.bin`));
      assert.deepEqual(contents(found).sort(byName), expectedContents(name).sort(byName), name);
    }
    const tensors = new Map(readPytorchFile(path.join(fixtures, `tensors-${format}.bin`)).map(({ name, entry }) => [name, entry]));
    assert.deepEqual([...tensors.keys()].slice(0, 4), ['position_ids', 'dense.weight', 'dense.bias', 'norm.weight'], 'in the order of the file');
    assert.equal(tensors.size, 34);
    assert.equal(tensors.get('tied')?.bytes.buffer, tensors.get('tied.again')?.bytes.buffer, 'tied weights share their bytes');
    assert.deepEqual([...(tensors.get('expanded')?.data ?? [])], [1.5, 1.5, 1.5, 2.5, 2.5, 2.5]);
    assert.deepEqual([...(tensors.get('scalar')?.data ?? [])], [3.25]);
    assert.deepEqual([...(tensors.get('__proto__')?.data ?? [])], [1]);
    assert.throws(() => tensors.get('int64')?.data, (error) => error instanceof DataError && /tensor "int64" has dtype I64; expected F32/.test(error.message));
  });

  test(`the ${format} format cut at any byte is refused`, () => {
    copyFileSync(path.join(fixtures, `small-${format}.bin`), file);
    for (let length = statSync(file).size - 1; length >= 0; length--) {
      truncateSync(file, length);
      assert.throws(() => readPytorchFile(file), DataError, `cut to ${length} bytes`);
    }
  });

  test(`any damaged byte of the ${format} format is noticed, or leaves tensors that fit the file`, () => {
    const whole = readFileSync(path.join(fixtures, `small-${format}.bin`));
    const expected = contents(readPytorchFile(path.join(fixtures, `small-${format}.bin`)));
    let refused = 0;
    writeFileSync(file, whole);
    const descriptor = openSync(file, 'r+');
    for (let at = 0; at < whole.length; at++) {
      for (const mask of [0x01, 0xff]) {
        writeSync(descriptor, Uint8Array.of((whole[at] ?? 0) ^ mask), 0, 1, at);
        try {
          const found = contents(readPytorchFile(file));
          // The checksums of an archive cover all that is read; a stream has none.
          if (format === 'zip') assert.deepEqual(found, expected, `byte ${at} with ${mask}`);
          assert.ok(found.every(([, , , hex]) => hex.length / 2 <= 2 * whole.length + 2 ** 20), `byte ${at} with ${mask}`);
        } catch (error) {
          assert.ok(error instanceof DataError, `byte ${at} with ${mask}: ${error}`);
          refused += 1;
        }
      }
      writeSync(descriptor, whole, at, 1, at);
    }
    closeSync(descriptor);
    assert.ok(refused > whole.length / 2, `${refused} refused`);
  });
}

test('an archive that was written without checksums is read', () => {
  const [tensor] = readPytorchFile(path.join(fixtures, 'without-checksums-zip.bin'));
  assert.deepEqual([tensor?.name, tensor?.entry.shape, [...(tensor?.entry.data ?? [])]], ['weight', [2, 3], [0, 1, 2, 3, 4, 5]]);
});

test('what PyTorch saves beside state dicts of plain tensors is refused by name', () => {
  const cases: Record<string, RegExp> = {
    'system-zip': /byte \d+ of archive\/data\.pkl: GLOBAL names "posix system", which is not on the list .*torch\._utils _rebuild_tensor_v2/,
    'system-stream': /byte \d+ of the file: GLOBAL names "posix system"/,
    'eval-zip': /GLOBAL names "__builtin__ eval"/,
    'eval-stream': /GLOBAL names "__builtin__ eval"/,
    module: /GLOBAL names "torch\.nn\.modules\.linear Linear"/,
    dtype: /GLOBAL names "torch float32"/,
    complex: /GLOBAL names "torch ComplexFloatStorage"/,
    sparse: /GLOBAL names "torch\._utils _rebuild_sparse_tensor"/,
    quantized: /GLOBAL names "torch\._utils _rebuild_qtensor"/,
    uint16: /GLOBAL names "torch\._utils _rebuild_tensor_v3"/,
    'negative-view': /a tensor is marked with the string "neg", an operation that was still to be done/,
    protocol: /the pickle has protocol 4/,
    nested: /holds a dictionary with the keys "model", "epoch", in which the string "model" is a dictionary of 34, not a tensor; expected a state dict/,
    list: /holds a list of 2, the first of them a tensor; expected a state dict/,
    tensor: /holds a tensor; expected a state dict/,
  };
  for (const [name, message] of Object.entries(cases)) {
    const refused = path.join(fixtures, `refused-${name}.bin`);
    assert.throws(() => readPytorchFile(refused), (error) => error instanceof DataError && message.test(error.message) && /safetensors/.test(error.hint ?? ''), name);
  }
  assert.deepEqual(readdirSync(fixtures).filter((name) => name.startsWith('refused-')).sort(), Object.keys(cases).map((name) => `refused-${name}.bin`).sort());
});

test('files of other kinds are named', () => {
  const tar = Buffer.alloc(1024);
  tar.write('ustar', 257, 'latin1');
  const cases: [string, Uint8Array | string, RegExp][] = [
    ['empty', '', /it has 0 bytes and begins with none/],
    ['Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /the file is a pointer of Git LFS/],
    ['tar', tar, /the file is a tar archive/],
    ['safetensors', readFileSync(path.join(fixtures, 'small.safetensors')), /the file is a safetensors file/],
    ['another pickle', Buffer.from('\x80\x02}q\x00U\x01aK\x01s.', 'latin1'), /the file is a pickle that torch\.save did not write/],
    ['web page', '<!DOCTYPE html><html></html>', /the file is a web page/],
    ['text', 'weights', /it has 7 bytes and begins with 0x77656967687473/],
  ];
  for (const [label, bytes, message] of cases) rejects(bytes, message, label);
  assert.throws(() => readPytorchFile(path.join(folder, 'missing.bin')), IoError);
  assert.throws(() => readPytorchFile(folder), IoError);
});
