import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { IoError } from '../../src/data/errors.js';
import { writeOutputFile } from './output.js';
import { terminalText } from './terminalText.js';

test('what a terminal would act on shows as an escape, which JSON reads as the same text', () => {
  const hostile = '\u001b[31mred\u009b1m\u202eleft\r\u0007';
  assert.equal(terminalText(hostile), '\\u001b[31mred\\u009b1m\\u202eleft\\u000d\\u0007');
  assert.equal(JSON.parse(terminalText(JSON.stringify(hostile))), hostile);
  assert.equal(terminalText('tab\tand\nline, déjà 漢 🙂'), 'tab\tand\nline, déjà 漢 🙂');
});

test('an output file gets the folders above it; a device is written into, not replaced; a folder is refused', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-output-'));
  const file = path.join(folder, 'new', 'deep', 'rows.jsonl');
  await writeOutputFile(file, 'first\n');
  await writeOutputFile(file, 'second\n');
  assert.equal(readFileSync(file, 'utf8'), 'second\n');
  const device = process.platform === 'win32' ? undefined : '/dev/null';
  if (device !== undefined) {
    await writeOutputFile(device, 'gone');
    assert.ok(statSync(device).isCharacterDevice());
  }
  await assert.rejects(writeOutputFile(folder, 'x'), IoError);
  await assert.rejects(writeOutputFile(path.join(file, 'below', 'x'), 'x'), IoError);
});
