import assert from 'node:assert/strict';
import test from 'node:test';
import { crc32c, maskCrc32c } from './crc32c.js';

test('the checksums of RFC 3720, appendix B.4, and of the digits 1 to 9', () => {
  const command = '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' + '0200000000000000';
  const cases: [string, Uint8Array, number][] = [
    ['no bytes', new Uint8Array(0), 0],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['32 ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['32 descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['an iSCSI read command', Buffer.from(command, 'hex'), 0xd9963a56],
    ['digits', Buffer.from('123456789'), 0xe3069283],
  ];
  for (const [label, bytes, expected] of cases) assert.equal(crc32c(bytes), expected, label);
});

test('every length and alignment gives what one bit after the other gives', () => {
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => (i * 151 + 13) & 255);
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= bytes.length; end++) {
      let register = 0xffffffff;
      for (const byte of bytes.subarray(start, end)) {
        register ^= byte;
        for (let bit = 0; bit < 8; bit++) register = register & 1 ? (register >>> 1) ^ 0x82f63b78 : register >>> 1;
      }
      assert.equal(crc32c(bytes.subarray(start, end)), ~register >>> 0, `${start} to ${end}`);
    }
  }
});

test('the mask rotates by 15 bits and adds 0xa282ead8, modulo 2^32', () => {
  assert.equal(maskCrc32c(0), 0xa282ead8);
  assert.equal(maskCrc32c(0x00008000), 0xa282ead9);
  assert.equal(maskCrc32c(0xffffffff), 0xa282ead7);
});
