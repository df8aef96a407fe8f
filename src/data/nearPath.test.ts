import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { didYouMeanPath } from './nearPath.js';

test('a mistyped last part of a path is found among its neighbours; nothing is said where none is near or the folder is absent, too', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-near-'));
  mkdirSync(path.join(folder, 'glue_data'));
  writeFileSync(path.join(folder, 'corpus.txt'), '');
  assert.equal(await didYouMeanPath(path.join(folder, 'gleu_data/')), ' Did you mean "glue_data"?');
  assert.equal(await didYouMeanPath(path.join(folder, 'corpus.tx')), ' Did you mean "corpus.txt"?');
  assert.equal(await didYouMeanPath(path.join(folder, 'elsewhere')), '');
  assert.equal(await didYouMeanPath(path.join(folder, 'no', 'corpus.txt')), '');
});
