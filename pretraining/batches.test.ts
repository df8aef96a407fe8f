import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError } from '../src/data/errors.js';
import { type PretrainingBatchOptions, PretrainingBatches, assembleBatch, pretrainingVocabulary } from './batches.js';
import { buildExamples, exampleLength } from './examples.js';
import { defaultMasking } from './masking.js';
import { allDocuments, placeStore, randomLengths, testTokenizer, testVocabulary } from './testing/inventedText.js';

// Tokens of the store are their own places, so the vocabulary only lends its special tokens.
const store = placeStore(randomLengths(60, 20, 15));
const vocabulary = { ...pretrainingVocabulary(testTokenizer()), size: 100_000, continues: new Uint8Array(100_000), clsTokenId: 90_001, sepTokenId: 90_002, maskTokenId: 90_003 };
const options: PretrainingBatchOptions = {
  store,
  documents: allDocuments(store),
  examples: { nextSentence: 'nsp', maxSeqLength: 47, shortSeqProb: 0.1 },
  masking: defaultMasking(47),
  vocabulary,
  seed: 5,
  batchSize: 7,
  accumulationSteps: 3,
};

test('a batch is [CLS] A [SEP] B [SEP], with segments, positions and the originals of the masked tokens', () => {
  for (const nextSentence of ['nsp', 'sop', 'none'] as const) {
    const index = buildExamples(store, options.documents, { ...options.examples, nextSentence }, 5, 0);
    const examples = [3, 0, index.count - 1];
    const batch = assembleBatch(store, index, examples, options.masking, vocabulary, 5, 0);
    const restored = batch.inputIds.slice();
    batch.maskedPositions.forEach((position, i) => {
      restored[position] = batch.maskedLabels[i] ?? -1;
    });
    examples.forEach((example, b) => {
      const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);
      const a = range(index.startA[example] ?? 0, index.lengthA[example] ?? 0);
      const second = nextSentence === 'none' ? [] : [...range(index.startB[example] ?? 0, index.lengthB[example] ?? 0), 90_002];
      const [from, to] = [batch.cuSeqlens[b] ?? 0, batch.cuSeqlens[b + 1] ?? 0];
      assert.deepEqual([...restored.subarray(from, to)], [90_001, ...a, 90_002, ...second]);
      assert.deepEqual([...batch.tokenTypeIds.subarray(from, to)], [...new Array(a.length + 2).fill(0), ...new Array(second.length).fill(1)]);
      assert.deepEqual([...batch.positionIds.subarray(from, to)], range(0, to - from));
      assert.equal(batch.nextSentenceLabels?.[b], nextSentence === 'none' ? undefined : index.labels[example]);
    });
  }
});

test('the batches of a step depend on the step alone, not on those before', () => {
  const one = new PretrainingBatches(options);
  const other = new PretrainingBatches(options);
  const far = 2 * one.stepsPerEpoch + 1;
  one.microBatches(0);
  one.microBatches(one.stepsPerEpoch);
  assert.deepEqual(one.microBatches(far), other.microBatches(far));
  assert.deepEqual(one.microBatches(0), other.microBatches(0));
  assert.notDeepEqual(one.microBatches(0), one.microBatches(1));
});

test('masks are new in each epoch, and the same for each dupeFactor epochs of static masks', () => {
  const masksOf = (dupeFactor: number | undefined, epoch: number): string => {
    const batches = new PretrainingBatches({ ...options, dupeFactor });
    const seen: string[] = [];
    for (let step = 0; step < batches.stepsPerEpoch; step++) {
      for (const batch of batches.microBatches(epoch * batches.stepsPerEpoch + step)) {
        for (let b = 0; b + 1 < batch.cuSeqlens.length; b++) seen.push(batch.inputIds.subarray(batch.cuSeqlens[b], batch.cuSeqlens[b + 1]).join(' '));
      }
    }
    return seen.sort().join('\n');
  };
  assert.notEqual(masksOf(undefined, 0), masksOf(undefined, 2));
  // The shuffled order of the two epochs leaves out other examples at the end, so most but not all are shared.
  const [first, again, other] = [0, 2, 1].map((epoch) => new Set(masksOf(2, epoch).split('\n')));
  const shared = (x: Set<string> | undefined): number => [...(first ?? [])].filter((sequence) => x?.has(sequence)).length / (first?.size ?? 1);
  assert.ok(shared(again) > 0.9, `${shared(again)}`);
  assert.ok(shared(other) < 0.1, `${shared(other)}`);
});

test('an epoch takes each example at most once', () => {
  const batches = new PretrainingBatches({ ...options, examples: { ...options.examples, nextSentence: 'none' }, masking: { ...options.masking, maskReplaceProb: 0, randomReplaceProb: 0 } });
  const starts = new Set<number>();
  for (let step = 0; step < batches.stepsPerEpoch; step++) {
    const micro = batches.microBatches(step);
    assert.equal(micro.length, 3);
    for (const batch of micro) {
      assert.equal(batch.cuSeqlens.length, 8);
      for (let b = 0; b < 7; b++) starts.add(batch.inputIds[(batch.cuSeqlens[b] ?? 0) + 1] ?? -1);
    }
  }
  assert.equal(starts.size, batches.stepsPerEpoch * 21);
  assert.ok(batches.examplesPerEpoch - starts.size < 21);
});

test('a batch can be traced to its examples', () => {
  const batches = new PretrainingBatches(options);
  const index = buildExamples(store, options.documents, options.examples, options.seed, 1);
  for (const batch of batches.microBatches(batches.stepsPerEpoch + 2)) {
    assert.equal(batch.examples.length, 7);
    assert.deepEqual(assembleBatch(store, index, batch.examples, options.masking, vocabulary, options.seed, 1), batch);
  }
});

test('fewer examples than a batch are taken more than once', () => {
  const small = placeStore([[3, 4], [5]]);
  const batches = new PretrainingBatches({ ...options, store: small, documents: allDocuments(small) });
  assert.equal(batches.stepsPerEpoch, 1);
  assert.deepEqual(batches.microBatches(4).map((batch) => batch.cuSeqlens.length), [8, 8, 8]);
});

/** Numbers of the examples of each micro-batch of an epoch. */
function epochExamples(batches: PretrainingBatches, epoch: number): number[][] {
  const steps = Array.from({ length: batches.stepsPerEpoch }, (_, step) => batches.microBatches(epoch * batches.stepsPerEpoch + step));
  return steps.flat().map(({ examples }) => [...examples]);
}

test('a budget of tokens is filled as far as the examples in their order allow, whatever the step asked for before', () => {
  for (const tokensPerBatch of [47, 200, 613]) {
    const batches = new PretrainingBatches({ ...options, tokensPerBatch, accumulationSteps: 2 });
    const again = new PretrainingBatches({ ...options, tokensPerBatch, accumulationSteps: 2 });
    for (const epoch of [2, 0, 1]) {
      const index = buildExamples(store, options.documents, options.examples, options.seed, epoch);
      const steps = Array.from({ length: batches.stepsPerEpoch }, (_, step) => batches.microBatches(epoch * batches.stepsPerEpoch + step));
      const micro = steps.flat();
      assert.equal(micro.length, 2 * batches.stepsPerEpoch);
      micro.forEach((batch, i) => {
        assert.ok(batch.inputIds.length <= tokensPerBatch);
        const next = micro[i + 1]?.examples[0];
        if (next !== undefined) assert.ok(batch.inputIds.length + exampleLength(index, next) > tokensPerBatch, 'the next example would have fitted');
      });
      const last = batches.stepsPerEpoch - 1;
      assert.deepEqual(again.microBatches(epoch * batches.stepsPerEpoch + last), steps[last]);
    }
  }
});

test('a budget of tokens takes the examples that a number of sequences takes: each once an epoch, but for what does not fill a step', () => {
  const byTokens = new PretrainingBatches({ ...options, tokensPerBatch: 300, accumulationSteps: 2 });
  const bySequences = new PretrainingBatches({ ...options, batchSize: 7, accumulationSteps: 2 });
  for (const [batches, largest] of [[byTokens, 2 * 300 + 300], [bySequences, 14]] as const) {
    const taken = epochExamples(batches, 0).flat();
    assert.equal(new Set(taken).size, taken.length);
    assert.ok(batches.examplesPerEpoch - taken.length < largest / (batches === byTokens ? 5 : 1));
    // Later epochs have about as many, so that few are left out or come twice.
    const later = epochExamples(batches, 3).flat();
    assert.ok(new Set(later).size > 0.9 * batches.examplesPerEpoch);
  }
  const [a, b] = [byTokens, bySequences].map((batches) => new Set(epochExamples(batches, 0).flat()));
  assert.ok([...(a ?? [])].filter((example) => b?.has(example)).length > 0.9 * byTokens.examplesPerEpoch);
});

test('text that fits into the budget whole is one micro-batch without repeats', () => {
  const small = placeStore([[3, 4], [5], [2, 2, 2]]);
  const batches = new PretrainingBatches({ ...options, store: small, documents: allDocuments(small), tokensPerBatch: 4000, accumulationSteps: 2 });
  assert.equal(batches.stepsPerEpoch, 1);
  for (const batch of batches.microBatches(0)) assert.deepEqual([...batch.examples].sort((x, y) => x - y), Array.from({ length: batches.examplesPerEpoch }, (_, i) => i));
});

test('text that yields no example is an error that says so', () => {
  const single = placeStore([[1], [1]]);
  const sop = { ...options.examples, nextSentence: 'sop' as const };
  assert.throws(() => new PretrainingBatches({ ...options, store: single, documents: allDocuments(single), examples: sop }), (error) => error instanceof DataError && error.message.includes('no example'));
});

test('the vocabulary table knows the pieces that continue a word', () => {
  const { continues, size } = pretrainingVocabulary(testTokenizer());
  assert.equal(size, testVocabulary.length);
  assert.deepEqual([...continues], testVocabulary.map((piece) => (piece.startsWith('##') ? 1 : 0)));
});
