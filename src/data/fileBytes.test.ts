import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DataError } from './errors.js';
import { readFileBytes } from './fileBytes.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-bytes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(content: Uint8Array, chunkBytes = 1 << 18): Promise<Buffer> {
  const file = path.join(folder, 'packed');
  writeFileSync(file, content);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readFileBytes(file, chunkBytes)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** Three frames as the command-line tool (1.5.4, -19) packs them. */
const zstdFrames = Buffer.from(
  'KLUv/QRoPQYAEk4lHaApHaviCPp4MAAa2M++Y7ShCjIpk5RJyupr71YrmZjPS0tnJWXzZCLi8dDQWEhYPJjH/3e7X6f353l4vzs7Xx1dz6Wh3c7MbGVkPZZG32ezXSbXx1lYrysrVxVVTyUhnY6MTEU9lMW+V6tbpbanefBnLiqA4ZA0IBOzLB4RBWECy6FAMIPFIFAURjGEhDmnZkEUDgFkqBGg+P1/A+A3AxIYQeD/H0HAPwhBABAChCAAJEAAAAqA/QgAUf7yl3fYMECqAqwZBgootS/9BGg9BgASTiUdoCkdq+II+ngwABrYz75jtKEKMpmSlFIm62vfniuZTyfmpWVlk/Jk/vfxd3u9p5+nbxt9Npdr8nHi0Yh4aFhYpIN5Px/enV1dj86l3WxoZ2ZlNTqW9XJhXVlVtehU9nWxV2u1pZ4mnUxIR0ZFpUN5bjyrEoDhkDQgE7MsHhEFYQLLoUAwg8UgUBRGMYSEOadmQRQOAWSoEaD4/X8D4DcDEhhB4P8fQcA/CEEAEAKEIAAkQCRAJCAAYCvaL3+Zd64wQKoCACYNPCi1L/0EaD0GABJOJR2gKR2r4gj6eDAAGtjPvmO0oQoyKZOUKUnra9+eK5mYz0tLZ7OS8mQi4vHQ0FgsJDyYx/93u9/X6ed5eL87O1+vjs6lod3OzGy1MjqWRt9ns12XycdZ7Hu1um2VepqF9bqycrWKTiUhnY6MTKWiQ3nwZ24RgOGQNCATsyweEQVhAsuhQDCDxSBQFEYxhIQ5p2ZBFA4BZKgRoPj9fwPgNwMSGEHg/x9BwD8IQQAQAoQgACRAAABCyEcgSFD+8pd32DBAqgJbkdZc',
  'base64',
);
const zstdText = Array.from({ length: 300 }, (_, i) => `line ${i + 100} of a packed file, naïve 漢字\n`).join('');

/** A frame that says its length and holds the text unpacked. */
function storedFrame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  const header = (bytes.length << 3) | 1;
  return Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0), size, Buffer.of(header & 255, (header >> 8) & 255, header >> 16), bytes]);
}

test('Zstandard frames one after another read as their text, whatever the chunks', async () => {
  for (const chunkBytes of [1 << 18, 64, 7]) assert.equal((await readAll(zstdFrames, chunkBytes)).toString(), zstdText);
  const stored = 'a short text\n'.repeat(40);
  assert.equal((await readAll(Buffer.concat([storedFrame(stored), zstdFrames, storedFrame('end')]))).toString(), `${stored}${zstdText}end`);
});

test('a frame to be skipped is skipped', async () => {
  const skipped = Buffer.concat([Buffer.of(0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0), Buffer.from('notes')]);
  assert.equal((await readAll(Buffer.concat([skipped, zstdFrames]))).toString(), zstdText);
});

test('packed streams that are cut or damaged are a DataError that names the file', async () => {
  const gzip = gzipSync('some text that is long enough\n'.repeat(500));
  const damaged = Buffer.from(zstdFrames);
  damaged.fill(0xff, 20, 60);
  for (const [name, content] of [['cut zstd', zstdFrames.subarray(0, 400)], ['a single byte more', Buffer.concat([zstdFrames, Buffer.of(1)])], ['damaged zstd', damaged], ['cut gzip', gzip.subarray(0, gzip.length - 20)]] as const) {
    await assert.rejects(readAll(content), (error) => error instanceof DataError && error.message.startsWith(path.join(folder, 'packed')) && error.message.includes('damaged or cut short'), name);
  }
});

test('files shorter than any mark are read as they are', async () => {
  for (const content of ['', 'a', '\x1f', '(\xb5']) assert.equal((await readAll(Buffer.from(content))).toString(), content);
});
