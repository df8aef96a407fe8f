import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../src/data/errors.js';
import { buildExamples, exampleOrder } from './examples.js';
import { openPrepared } from './manifest.js';
import { prepare } from './prepare.js';
import { showExamples } from './showExamples.js';
import { inventedText, temporaryFolder, testTokenizer, writeText } from './testing/inventedText.js';

const folder = temporaryFolder();
const text = writeText(folder, 'text.txt', inventedText(40, 8));

/** The pieces of a shown segment as they were before masking. */
function unmasked(segment: string): string[] {
  return segment.trim().split(/ +/).slice(1).map((piece) => /^(?:.+)\{(.+)\}$/.exec(piece)?.[1] ?? piece);
}

for (const nextSentence of ['nsp', 'sop', 'none'] as const) {
  test(`examples of ${nextSentence}: pieces with what was masked, segments, lengths and label, those that a run with the seed sees first`, async () => {
    const output = path.join(folder, nextSentence);
    await prepare({ corpus: [text], tokenizer: testTokenizer(), output, maxSeqLength: 40, nextSentence });
    const shown = (await showExamples(output, 5, 7)).split('\n\n');
    const { store, trainDocuments, manifest } = await openPrepared(output);
    const index = buildExamples(store, trainDocuments, { nextSentence, maxSeqLength: 40, shortSeqProb: manifest.settings.shortSeqProb }, 7, 0);
    const { vocab } = testTokenizer();
    const piecesOf = (start: number, length: number): string[] => {
      const ids = new Int32Array(length);
      store.copyTokens(start, length, ids, 0);
      return Array.from(ids, (id) => vocab[id] ?? '');
    };
    assert.equal(shown.length, 5);
    Array.from(exampleOrder(index.count, 7, 0).subarray(0, 5)).forEach((example, i) => {
      const lines = (shown[i] ?? '').split('\n');
      const [lengthA = 0, lengthB = 0] = [index.lengthA[example], index.lengthB[example]];
      const pair = nextSentence === 'none' ? '' : ` \\(A ${lengthA + 2}, B ${lengthB + 1}\\), label ${index.labels[example]}: \\w.*`;
      assert.match(lines[0] ?? '', new RegExp(`^example ${example + 1} of ${index.count}: ${lengthA + (nextSentence === 'none' ? 2 : lengthB + 3)} tokens${pair}$`));
      assert.deepEqual(unmasked(lines[1] ?? ''), ['[CLS]', ...piecesOf(index.startA[example] ?? 0, lengthA), '[SEP]']);
      if (nextSentence !== 'none') assert.deepEqual(unmasked(lines[2] ?? ''), [...piecesOf(index.startB[example] ?? 0, lengthB), '[SEP]']);
      const [, total = 0, masked = 0, replaced = 0, kept = 0] = (/^ {2}(\d+) to predict: (\d+) as \[MASK\], (\d+) replaced, (\d+) kept$/.exec(lines.at(-1) ?? '') ?? []).map(Number);
      const marked = lines.slice(1, -1).join(' ').match(/\S+\{\S+\}/g) ?? [];
      assert.ok(total > 0);
      assert.equal(marked.length, total);
      assert.equal(masked + replaced + kept, total);
      assert.equal(marked.filter((piece) => piece.startsWith('[MASK]{')).length, masked);
    });
  });
}

test('more examples than there are: all of them; no prepared corpus: an error that says so', async () => {
  const output = path.join(folder, 'small');
  await prepare({ corpus: [writeText(folder, 'small.txt', inventedText(4, 3, 5))], tokenizer: testTokenizer(), output, maxSeqLength: 40, nextSentence: 'none', validationSplitPercentage: 0 });
  const shown = (await showExamples(output, 1000)).split('\n\n');
  assert.match(shown[0] ?? '', new RegExp(`of ${shown.length}: `));
  assert.equal(await showExamples(output, 1000), shown.join('\n\n'));
  await assert.rejects(showExamples(path.join(folder, 'nothing'), 3), UsageError);
});
