import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../src/data/errors.js';
import { Random } from '../src/data/random.js';
import { type MaskingSettings, type MaskingVocabulary, checkMasking, defaultMasking, maskSequence } from './masking.js';

const size = 1000;
const maskTokenId = 4;
const vocabulary: MaskingVocabulary = { size, maskTokenId, continues: Uint8Array.from({ length: size }, (_, id) => (id >= 700 ? 1 : 0)) };
const fixed = [0, 40, 126];
const length = 127;

function mask(settings: MaskingSettings, seed: number): { before: Int32Array; after: Int32Array; positions: Int32Array; labels: Int32Array } {
  const random = new Random(seed, 1);
  const before = Int32Array.from({ length }, () => 5 + random.integer(size - 5));
  const after = before.slice();
  return { before, after, ...maskSequence(after, 0, length, fixed, settings, vocabulary, new Random(seed, 2)) };
}

test('15% are chosen, of which 80% are masked, 10% are random and 10% stay', () => {
  const settings = defaultMasking(128);
  const counts = { chosen: 0, masked: 0, kept: 0, random: 0 };
  const rounds = 2000;
  for (let seed = 0; seed < rounds; seed++) {
    const { before, after, positions, labels } = mask(settings, seed);
    assert.equal(positions.length, Math.round(0.15 * length));
    positions.forEach((position, i) => {
      assert.equal(labels[i], before[position]);
      counts.chosen += 1;
      if (after[position] === maskTokenId) counts.masked += 1;
      else if (after[position] === before[position]) counts.kept += 1;
      else counts.random += 1;
    });
  }
  // Standard deviation of each share is below 0.0021 at 38,000 draws.
  assert.ok(Math.abs(counts.masked / counts.chosen - 0.8) < 0.01);
  assert.ok(Math.abs(counts.kept / counts.chosen - 0.1) < 0.008);
  assert.ok(Math.abs(counts.random / counts.chosen - 0.1) < 0.008);
});

test('only chosen tokens change, [CLS] and [SEP] never do, and positions ascend', () => {
  for (let seed = 0; seed < 200; seed++) {
    const { before, after, positions } = mask(defaultMasking(128), seed);
    const chosen = new Set(positions);
    assert.equal(chosen.size, positions.length);
    before.forEach((id, i) => {
      if (!chosen.has(i)) assert.equal(after[i], id);
    });
    for (const position of fixed) assert.ok(!chosen.has(position));
    assert.deepEqual([...positions], [...positions].sort((a, b) => a - b));
  }
});

test('every place is chosen about equally often', () => {
  const times = new Float64Array(length);
  for (let seed = 0; seed < 4000; seed++) for (const position of mask(defaultMasking(128), seed).positions) times[position] = (times[position] ?? 0) + 1;
  const expected = (4000 * 19) / (length - fixed.length);
  for (const [i, count] of times.entries()) assert.ok(fixed.includes(i) || Math.abs(count - expected) < 6 * Math.sqrt(expected), `${count} at ${i}, about ${expected} expected`);
});

test('the shares can be set freely', () => {
  for (const [maskReplaceProb, randomReplaceProb] of [[1, 0], [0, 0], [0, 1]] as const) {
    const { before, after, positions } = mask({ ...defaultMasking(128), maskReplaceProb, randomReplaceProb }, 3);
    const changed = positions.filter((position) => after[position] !== before[position]).length;
    if (maskReplaceProb === 1) assert.ok(positions.every((position) => after[position] === maskTokenId));
    else if (randomReplaceProb === 1) assert.ok(changed > positions.length / 2);
    else assert.equal(changed, 0);
  }
  assert.throws(() => checkMasking({ ...defaultMasking(128), maskReplaceProb: 0.9, randomReplaceProb: 0.2 }), UsageError);
  assert.throws(() => checkMasking(defaultMasking(128, 0)), UsageError);
  checkMasking(defaultMasking(128));
});

test('the number of predictions is rounded, at least one and at most the maximum', () => {
  const cases: [number, number, number][] = [
    [3, 20, 1],
    [10, 20, 2],
    [128, 20, 19],
    [128, 7, 7],
    [300, 400, 45],
  ];
  for (const [tokens, maxPredictions, expected] of cases) {
    const ids = new Int32Array(tokens).fill(9);
    const { positions } = maskSequence(ids, 0, tokens, [0, tokens - 1], { ...defaultMasking(128), maxPredictions }, vocabulary, new Random(1));
    assert.equal(positions.length, expected, `${tokens} tokens`);
  }
});

test('the pieces of a word are chosen together', () => {
  const settings = { ...defaultMasking(128), unit: 'word' } as const;
  let chosenTokens = 0;
  for (let seed = 0; seed < 500; seed++) {
    const { before, positions } = mask(settings, seed);
    const chosen = new Set(positions);
    assert.ok(positions.length >= 1 && positions.length <= 19);
    chosenTokens += positions.length;
    for (const position of positions) {
      // The word goes on before this piece, unless a fixed token or the sequence's start stands there.
      if (vocabulary.continues[before[position] ?? 0] === 1 && !fixed.includes(position - 1)) assert.ok(chosen.has(position - 1));
      const next = position + 1;
      if (next < length && !fixed.includes(next) && vocabulary.continues[before[next] ?? 0] === 1) assert.ok(chosen.has(next));
    }
  }
  assert.ok(chosenTokens / (500 * 19) > 0.97);
});

test('spans are runs of whole words within a segment, of geometric length, each replaced by one draw', () => {
  const settings = { ...defaultMasking(512), unit: 'span', maxPredictions: 120, mlmProbability: 0.3 } as const;
  const tokens = 402;
  const separators = [0, 200, 401];
  const lengths = new Array<number>(40).fill(0);
  const kinds = { masked: 0, kept: 0, random: 0 };
  for (let seed = 0; seed < 400; seed++) {
    const draw = new Random(seed, 7);
    // Words of one piece each, so that the words of a span can be counted.
    const before = Int32Array.from({ length: tokens }, () => 5 + draw.integer(600));
    const after = before.slice();
    const { positions } = maskSequence(after, 0, tokens, separators, settings, vocabulary, new Random(seed, 8));
    assert.equal(positions.length, 120);
    const runs: number[][] = [];
    for (const position of positions) {
      assert.ok(!separators.includes(position));
      if (runs.at(-1)?.at(-1) === position - 1) runs.at(-1)?.push(position);
      else runs.push([position]);
    }
    for (const run of runs) lengths[run.length] = (lengths[run.length] ?? 0) + 1;
    for (const position of positions) kinds[after[position] === maskTokenId ? 'masked' : after[position] === before[position] ? 'kept' : 'random'] += 1;
  }
  // SpanBERT's mean is 3.8; spans that touch count as one here, spans that meet another or the end of the predictions are cut.
  const runs = lengths.reduce((sum, count) => sum + count, 0);
  const mean = (400 * 120) / runs;
  assert.ok(mean > 3.4 && mean < 5.2, `mean length ${mean}`);
  assert.ok((lengths[1] ?? 0) > (lengths[4] ?? 0) && (lengths[4] ?? 0) > (lengths[8] ?? 0), lengths.join(' '));
  const all = 400 * 120;
  assert.ok(Math.abs(kinds.masked / all - 0.8) < 0.02 && Math.abs(kinds.kept / all - 0.1) < 0.015 && Math.abs(kinds.random / all - 0.1) < 0.015, JSON.stringify(kinds));

  // Masked or kept with equal chance: neighbours agree in half of the cases where each has its own draw, mostly where a span has one.
  const agreement = (unit: 'token' | 'span'): number => {
    let agree = 0;
    for (let seed = 0; seed < 200; seed++) {
      const ids = new Int32Array(102).fill(9);
      maskSequence(ids, 0, 102, [0, 101], { ...settings, unit, maxPredictions: 100, mlmProbability: 0.99, maskReplaceProb: 0.5, randomReplaceProb: 0 }, vocabulary, new Random(seed, 9));
      for (let i = 2; i < 101; i++) if (ids[i] === ids[i - 1]) agree += 1;
    }
    return agree / (200 * 99);
  };
  assert.ok(Math.abs(agreement('token') - 0.5) < 0.02 && agreement('span') > 0.75, `${agreement('token')} and ${agreement('span')}`);
});

test('the words of a span keep their pieces together', () => {
  for (let seed = 0; seed < 300; seed++) {
    const { before, positions } = mask({ ...defaultMasking(128), unit: 'span' }, seed);
    const chosen = new Set(positions);
    assert.ok(positions.length >= 1 && positions.length <= 19 && chosen.size === positions.length);
    for (const position of positions) {
      if (vocabulary.continues[before[position] ?? 0] === 1 && !fixed.includes(position - 1)) assert.ok(chosen.has(position - 1));
      const next = position + 1;
      if (next < length && !fixed.includes(next) && vocabulary.continues[before[next] ?? 0] === 1) assert.ok(chosen.has(next));
    }
  }
});

test('a word longer than all predictions is still masked where there is no other', () => {
  const ids = Int32Array.of(2, 10, 700, 701, 702, 3);
  const { positions } = maskSequence(ids, 0, 6, [0, 5], { ...defaultMasking(128), unit: 'word' }, vocabulary, new Random(1));
  assert.deepEqual([...positions], [1, 2, 3, 4]);
});

test('a sequence in the middle of a batch is masked at its own place', () => {
  const ids = Int32Array.from({ length: 30 }, (_, i) => 100 + i);
  const { positions, labels } = maskSequence(ids, 10, 10, [0, 9], { ...defaultMasking(128), maskReplaceProb: 1, randomReplaceProb: 0 }, vocabulary, new Random(5));
  ids.forEach((id, i) => {
    const at = [...positions].indexOf(i - 10);
    assert.equal(id, at >= 0 ? maskTokenId : 100 + i);
    if (at >= 0) assert.equal(labels[at], 100 + i);
  });
});
