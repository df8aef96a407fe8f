/**
 * Counts the texts to which our tokenizer gives other ids than the Rust library did (peer.py), and prints the first of them in full.
 *
 *   node dist/scripts/records/tokenizer-parity/compare.js OUTPUT_DIR
 *
 * Exits 1 where there is any. Our tokenizers are loaded from the folders that transformers saved.
 */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import path from 'node:path';
import { BertTokenizer } from '../../../src/tokenizer/index.js';
import { idOf, idWords, segmentOf } from './idWords.js';
import { type Job, type Jobs, readItems } from './jobs.js';

/** Mismatches of a job that are printed in full. */
const shown = 3;

interface Count {
  readonly items: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly mismatches: number;
}

function equal(ours: ArrayLike<number>, theirs: Uint32Array): boolean {
  if (ours.length !== theirs.length) return false;
  for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) return false;
  return true;
}

/** Printable whatever the text: everything beyond ASCII is escaped. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Tokens for a reader, the second segment's with a mark. */
function tokensOf(tokenizer: BertTokenizer, words: ArrayLike<number>): string {
  return quoted(Array.from(words, (word) => `${tokenizer.vocab[idOf(word)] ?? `id ${word}`}${segmentOf(word) === 0 ? '' : ' (B)'}`));
}

async function compareJob(tokenizer: BertTokenizer, job: Job, out: string): Promise<Count> {
  const bytes = readFileSync(path.join(out, job.ids));
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  let at = 0;
  let items = 0;
  let size = 0;
  let tokens = 0;
  let mismatches = 0;
  for await (const block of readItems(job)) {
    for (const item of block) {
      if (at >= words.length) throw new Error(`${job.ids}: ends before text ${items + 1} of ${job.file}; remove it and run again`);
      const count = words[at] ?? 0;
      const theirs = words.subarray(at + 1, at + 1 + count);
      at += 1 + count;
      items += 1;
      tokens += count;
      size += typeof item === 'string' ? Buffer.byteLength(item) : Buffer.byteLength(item[0]) + Buffer.byteLength(item[1]);
      const ours = idWords(tokenizer, item, job.maxLength);
      if (equal(ours, theirs)) continue;
      mismatches += 1;
      if (mismatches > shown) continue;
      console.log(`MISMATCH ${job.tokenizer}, ${job.source}, text ${items}: ${quoted(item)}\n  ours ${tokensOf(tokenizer, ours)}\n  Rust ${tokensOf(tokenizer, theirs)}`);
    }
  }
  if (at !== words.length) throw new Error(`${job.ids}: holds more texts than the ${items} of ${job.file}; remove it and run again`);
  return { items, bytes: size, tokens, mismatches };
}

/** One table for each vocabulary: sources down, its tokenizers across. */
function printTable(names: readonly string[], rows: ReadonlyMap<string, ReadonlyMap<string, Count>>): void {
  const number = (value: number): string => value.toLocaleString('en');
  console.log(`\n| source | texts | MB | ${names.map((name) => `tokens, ${name} | mismatches`).join(' | ')} |\n|---|---:|---:|${names.map(() => '---:|---:|').join('')}`);
  const line = (title: string, first: Count, cells: readonly (Count | undefined)[]): void => {
    console.log(`| ${title} | ${number(first.items)} | ${(first.bytes / 1e6).toFixed(1)} | ${cells.map((cell) => (cell === undefined ? '- | -' : `${number(cell.tokens)} | ${number(cell.mismatches)}`)).join(' | ')} |`);
  };
  const totals = new Map<string, Count>();
  for (const [source, counts] of rows) {
    const cells = names.map((name) => counts.get(name));
    const first = cells.find((cell) => cell !== undefined);
    if (first === undefined) continue;
    line(source, first, cells);
    for (const name of names) {
      const cell = counts.get(name);
      const sum = totals.get(name) ?? { items: 0, bytes: 0, tokens: 0, mismatches: 0 };
      if (cell !== undefined) totals.set(name, { items: sum.items + cell.items, bytes: sum.bytes + cell.bytes, tokens: sum.tokens + cell.tokens, mismatches: sum.mismatches + cell.mismatches });
    }
  }
  const cells = names.map((name) => totals.get(name));
  const widest = cells.reduce((most, cell) => ((cell?.items ?? 0) > (most?.items ?? 0) ? cell : most), undefined);
  if (widest !== undefined) line('all', widest, cells);
}

const [, , out] = process.argv;
if (out === undefined) throw new Error('usage: compare.js OUTPUT_DIR');
if (endianness() === 'BE') throw new Error('the files of ids are little-endian; this machine is not');
const { tokenizers, jobs } = JSON.parse(readFileSync(path.join(out, 'jobs.json'), 'utf8')) as Jobs;
const counts = new Map<string, Map<string, Count>>();
let mismatches = 0;
for (const { name } of tokenizers) {
  const tokenizer = await BertTokenizer.fromPretrained(path.join(out, 'tokenizers', name));
  for (const job of jobs.filter((one) => one.tokenizer === name)) {
    const count = await compareJob(tokenizer, job, out);
    mismatches += count.mismatches;
    counts.set(job.source, (counts.get(job.source) ?? new Map<string, Count>()).set(name, count));
    console.error(`${name}: ${job.source}: ${count.mismatches} of ${count.items}`);
  }
}
for (const vocabulary of new Set(tokenizers.map((one) => one.vocabulary))) {
  printTable(
    tokenizers.filter((one) => one.vocabulary === vocabulary).map((one) => one.name),
    counts,
  );
}
const versions = JSON.parse(readFileSync(path.join(out, 'versions.json'), 'utf8')) as Record<string, string>;
console.log(`\n${mismatches} mismatches. ${Object.entries({ ...versions, node: process.versions.node }).map(([name, version]) => `${name} ${version}`).join(', ')}`);
process.exitCode = mismatches === 0 ? 0 : 1;
