import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError } from '../src/data/errors.js';
import type { TokenStore } from '../src/data/tokenStore.js';
import { type ExampleIndex, type ExampleSettings, buildExamples, exampleOrder } from './examples.js';
import { allDocuments, placeStore, randomLengths } from './testing/inventedText.js';

const settings: ExampleSettings = { nextSentence: 'nsp', maxSeqLength: 67, shortSeqProb: 0.1 };
const lengths = randomLengths(200, 30, 19);
const store = placeStore(lengths);

/** The document that holds each token. */
function documentOfTokens(of: TokenStore): Int32Array {
  const owners = new Int32Array(of.tokenCount);
  for (let d = 0; d < of.documentCount; d++) owners.fill(d, of.sentenceStart[of.documentStart[d] ?? 0], of.sentenceStart[of.documentStart[d + 1] ?? 0]);
  return owners;
}

interface Example {
  readonly a: readonly [from: number, to: number];
  readonly b: readonly [from: number, to: number];
  readonly label: number;
}

function list(index: ExampleIndex): Example[] {
  return Array.from({ length: index.count }, (_, i) => {
    const [startA, startB] = [index.startA[i] ?? 0, index.startB[i] ?? 0];
    return { a: [startA, startA + (index.lengthA[i] ?? 0)], b: [startB, startB + (index.lengthB[i] ?? 0)], label: index.labels[i] ?? 0 };
  });
}

const build = (nextSentence: ExampleSettings['nextSentence'], seed = 3, epoch = 0): ExampleIndex => buildExamples(store, allDocuments(store), { ...settings, nextSentence }, seed, epoch);

test('no segment is empty, crosses a document, or makes the example too long', () => {
  const owners = documentOfTokens(store);
  for (const [task, special] of [['nsp', 3], ['sop', 3], ['none', 2]] as const) {
    for (const { a, b } of list(build(task))) {
      assert.ok(a[1] > a[0]);
      assert.equal(owners[a[0]], owners[a[1] - 1]);
      if (task !== 'none') {
        assert.ok(b[1] > b[0]);
        assert.equal(owners[b[0]], owners[b[1] - 1]);
      }
      assert.ok(a[1] - a[0] + b[1] - b[0] + special <= settings.maxSeqLength);
    }
  }
});

test('a second segment labelled random is from another document, one labelled next is what follows', () => {
  const owners = documentOfTokens(store);
  for (const { a, b, label } of list(build('nsp'))) {
    if (label === 1) assert.notEqual(owners[a[0]], owners[b[0]]);
    else {
      assert.equal(owners[a[0]], owners[b[0]]);
      // Truncation may have cut the end of A and the front of B away, but what is between them is only that.
      assert.ok(b[0] >= a[1]);
      const untouched = a[1] - a[0] + b[1] - b[0] + 3 < settings.maxSeqLength;
      if (untouched) assert.equal(b[0], a[1]);
    }
  }
});

test('documents with the same text are never random partners of each other', () => {
  const hashes = lengths.map((_, i) => BigInt(i % 2));
  const doubled = placeStore(lengths, hashes);
  const owners = documentOfTokens(doubled);
  for (const { a, b, label } of list(buildExamples(doubled, allDocuments(doubled), settings, 3, 0))) {
    if (label === 1) assert.notEqual(hashes[owners[a[0]] ?? 0], hashes[owners[b[0]] ?? 0]);
  }
});

test('about half of the second segments are random, and about a tenth of the examples are short', () => {
  const few = placeStore(randomLengths(60, 400, 19));
  const index = buildExamples(few, allDocuments(few), settings, 5, 0);
  const random = index.labels.reduce((sum, label) => sum + label, 0) / index.count;
  assert.ok(random > 0.47 && random < 0.55, `${random}`);
  const short = list(index).filter(({ a, b }) => a[1] - a[0] + b[1] - b[0] < settings.maxSeqLength - 3 - 19).length / index.count;
  // Short targets are uniform, so some of the tenth come out long all the same; random partners at a document's end add a few.
  assert.ok(short > 0.04 && short < 0.14, `${short}`);
});

test('no token is left out but what truncation cuts, and single runs have every token once', () => {
  const covered = new Uint8Array(store.tokenCount);
  const index = build('nsp');
  for (const { a, b, label } of list(index)) {
    covered.fill(1, a[0], a[1]);
    if (label === 0) covered.fill(1, b[0], b[1]);
  }
  const missing = covered.reduce((sum, seen) => sum + (seen === 0 ? 1 : 0), 0);
  assert.ok(missing <= index.truncatedTokens, `${missing} tokens are in no example, ${index.truncatedTokens} were cut`);
  const times = new Uint8Array(store.tokenCount);
  for (const { a } of list(build('none'))) for (let i = a[0]; i < a[1]; i++) times[i] = (times[i] ?? 0) + 1;
  assert.ok(times.every((count) => count === 1));
});

test('with room for everything no token is cut and each is in an example', () => {
  const small = placeStore(randomLengths(40, 5, 4));
  const index = buildExamples(small, allDocuments(small), { ...settings, maxSeqLength: 131, shortSeqProb: 0 }, 1, 0);
  const covered = new Uint8Array(small.tokenCount);
  for (const { a, b, label } of list(index)) {
    covered.fill(1, a[0], a[1]);
    if (label === 0) covered.fill(1, b[0], b[1]);
  }
  assert.ok(covered.every((seen) => seen === 1));
});

test('ordered pairs are neighbours, swapped half of the time and labelled so', () => {
  const index = build('sop');
  let swapped = 0;
  for (const { a, b, label } of list(index)) {
    assert.ok(label === 1 ? b[1] <= a[0] : a[1] <= b[0]);
    swapped += label;
  }
  assert.ok(Math.abs(swapped / index.count - 0.5) < 0.06);
});

test('a sentence much longer than an example is cut to length, whatever the task', () => {
  const long = placeStore([[500], [3, 400, 2], [1, 1]]);
  for (const nextSentence of ['nsp', 'sop', 'none'] as const) {
    const index = buildExamples(long, allDocuments(long), { ...settings, nextSentence }, 1, 0);
    assert.ok(index.count >= 3);
    for (const { a, b } of list(index)) assert.ok(a[1] - a[0] + b[1] - b[0] <= settings.maxSeqLength - 2);
  }
});

test('truncation takes tokens from the front and from the back of the longer segment', () => {
  const long = placeStore([[60, 60, 60, 60], [60, 60, 60, 60]]);
  let front = 0;
  let back = 0;
  for (let seed = 0; seed < 20; seed++) {
    for (const { a } of list(buildExamples(long, allDocuments(long), { ...settings, shortSeqProb: 0 }, seed, 0))) {
      front += a[0] % 60;
      back += (60 - (a[1] % 60)) % 60;
    }
  }
  assert.ok(front > 100 && back > 100 && Math.abs(front - back) / (front + back) < 0.1, `${front} and ${back}`);
});

test('seed and epoch decide everything', () => {
  assert.deepEqual(build('nsp', 3, 1), build('nsp', 3, 1));
  assert.notDeepEqual(build('nsp', 3, 1), build('nsp', 3, 2));
  assert.notDeepEqual(build('nsp', 3, 1), build('nsp', 4, 1));
  assert.deepEqual(exampleOrder(99, 3, 1), exampleOrder(99, 3, 1));
  assert.notDeepEqual(exampleOrder(99, 3, 1), exampleOrder(99, 3, 2));
  assert.deepEqual([...exampleOrder(99, 3, 1)].sort((x, y) => x - y), Array.from({ length: 99 }, (_, i) => i));
});

test('one document, or several with one text, cannot make next-sentence pairs and says why', () => {
  const one = placeStore([[4, 5, 6]]);
  const same = placeStore([[4], [4]], [9n, 9n]);
  assert.throws(() => buildExamples(one, allDocuments(one), settings, 1, 0), (error) => error instanceof DataError && error.message.includes('single document') && (error.hint ?? '').includes('blank line'));
  assert.throws(() => buildExamples(same, allDocuments(same), settings, 1, 0), (error) => error instanceof DataError && error.message.includes('same text'));
  assert.ok(buildExamples(one, allDocuments(one), { ...settings, nextSentence: 'sop' }, 1, 0).count > 0);
});

test('documents of one sentence each cannot make next-sentence pairs: every pair would be a random one', () => {
  const lone = placeStore([[4], [5], [3]]);
  assert.throws(() => buildExamples(lone, allDocuments(lone), settings, 1, 0), (error) => error instanceof DataError && /each of the 3 documents is a single one/.test(error.message) && (error.hint ?? '').includes('--split-sentences'));
});

test('only the documents asked for are used', () => {
  const train = allDocuments(store).filter((document) => document % 3 !== 0);
  const owners = documentOfTokens(store);
  for (const { a, b } of list(buildExamples(store, train, settings, 1, 0))) {
    assert.notEqual((owners[a[0]] ?? 0) % 3, 0);
    assert.notEqual((owners[b[0]] ?? 0) % 3, 0);
  }
});
