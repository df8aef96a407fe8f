/**
 * What is compared: texts written for both sides to read, the tokenizers, and which texts go through which tokenizer.
 *
 *   node dist/scripts/records/tokenizer-parity/jobs.js CORPUS_DIR GLUE_DIR VOCAB OUTPUT_DIR
 *
 * Writes OUTPUT_DIR/texts/*.jsonl (each line a JSON string, or an array of two for a pair), OUTPUT_DIR/vocabularies/*.txt and
 * OUTPUT_DIR/jobs.json. The lines of the corpus are read where they lie.
 */
import { closeSync, copyFileSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadGlue } from '../../../glue/loadGlue.js';
import { type GlueTask, glueTasks } from '../../../glue/tasks.js';
import { readTextLines } from '../../../src/data/textLines.js';
import { codePointTexts, longWords, randomPairs, randomTexts, runTexts, sequenceTexts, specialTokenTexts } from './hardTexts.js';
import type { Item } from './idWords.js';

/** A tokenizer by the arguments of transformers' BertTokenizerFast. */
export interface TokenizerSettings {
  readonly name: string;
  /** Name of the file in OUTPUT_DIR/vocabularies, without its ending. */
  readonly vocabulary: string;
  readonly do_lower_case: boolean;
  /** null: as do_lower_case. */
  readonly strip_accents: boolean | null;
}

/** One file of texts through one tokenizer. */
export interface Job {
  /** As the table shows it. */
  readonly source: string;
  readonly file: string;
  readonly format: 'lines' | 'jsonl';
  /** Pairs, and only they, get special tokens; this is the limit they are cut to, null for none. */
  readonly maxLength: number | null;
  readonly tokenizer: string;
  /** Where the Rust library's ids go, within OUTPUT_DIR. */
  readonly ids: string;
}

export interface Jobs {
  readonly tokenizers: readonly TokenizerSettings[];
  readonly jobs: readonly Job[];
}

type Source = Pick<Job, 'source' | 'file' | 'format' | 'maxLength'> & { readonly hard: boolean };

const randomCount = 200_000;
const pairCount = 20_000;
const tokenizers: readonly TokenizerSettings[] = [
  { name: 'uncased', vocabulary: 'given', do_lower_case: true, strip_accents: null },
  { name: 'cased', vocabulary: 'given', do_lower_case: false, strip_accents: null },
  { name: 'wide-uncased', vocabulary: 'wide', do_lower_case: true, strip_accents: null },
  { name: 'wide-cased', vocabulary: 'wide', do_lower_case: false, strip_accents: null },
  { name: 'wide-uncased-accents', vocabulary: 'wide', do_lower_case: true, strip_accents: false },
  { name: 'wide-cased-stripped', vocabulary: 'wide', do_lower_case: false, strip_accents: true },
];

/** The items of a file of texts, in blocks. */
export async function* readItems(job: Pick<Job, 'file' | 'format'>): AsyncGenerator<readonly Item[]> {
  for await (const { lines, partial } of readTextLines(job.file)) {
    if (partial) throw new Error(`${job.file}: a line longer than a mebibyte, which is not handed on whole`);
    yield job.format === 'lines' ? lines : lines.map((line) => JSON.parse(line) as Item);
  }
}

/** The given vocabulary and, after it, every character that can be in a word, as a word and as a continuation: only words that are too long are [UNK] then, and ids tell which characters normalizing gave. */
function wideVocabulary(given: readonly string[]): string[] {
  const known = new Set(given);
  const added: string[] = [];
  for (let point = 0x21; point <= 0x10ffff; point++) {
    const character = String.fromCodePoint(point);
    if ((point >= 0xd800 && point <= 0xdfff) || (point >= 0x7f && point <= 0xa0)) continue;
    for (const token of [character, `##${character}`]) if (!known.has(token)) added.push(token);
  }
  return [...given, ...added];
}

function writeItems(file: string, items: Iterable<Item>): void {
  const target = openSync(file, 'w');
  let block: string[] = [];
  const flush = (): void => {
    if (block.length > 0) writeSync(target, `${block.join('\n')}\n`);
    block = [];
  };
  for (const item of items) {
    block.push(JSON.stringify(item));
    if (block.length === 10_000) flush();
  }
  flush();
  closeSync(target);
}

/** Every line of every file of a task's folder whole, then the texts and the pairs of the splits that are there. */
async function glueSources(glue: string, task: GlueTask, writeTexts: (name: string, items: Iterable<Item>) => string): Promise<Source[]> {
  const folder = path.join(glue, task.title);
  const names = readdirSync(folder).filter((name) => /\.(tsv|txt)$/.test(name)).sort();
  const lines = names.flatMap((name) => readFileSync(path.join(folder, name), 'utf8').replace(/\n$/, '').split('\n'));
  const texts: string[] = [];
  const pairs: [string, string][] = [];
  for (const [split, { file }] of Object.entries(task.splits)) {
    if (!names.includes(file)) continue;
    for (const { textA, textB } of (await loadGlue(glue, task.name, split)).examples) {
      texts.push(textA);
      if (textB !== undefined) {
        texts.push(textB);
        pairs.push([textA, textB]);
      }
    }
  }
  const sources: Source[] = [
    { source: `${task.title}, whole lines`, file: writeTexts(`${task.name}-lines`, lines), format: 'jsonl', maxLength: null, hard: false },
    { source: `${task.title}, texts`, file: writeTexts(`${task.name}-texts`, texts), format: 'jsonl', maxLength: null, hard: false },
  ];
  if (pairs.length === 0) return sources;
  const file = writeTexts(`${task.name}-pairs`, pairs);
  for (const maxLength of [null, 32]) sources.push({ source: `${task.title}, pairs${maxLength === null ? '' : ` cut to ${maxLength}`}`, file, format: 'jsonl', maxLength, hard: false });
  return sources;
}

async function writeJobs(corpus: string, glue: string, vocabulary: string, out: string): Promise<void> {
  for (const folder of ['texts', 'vocabularies', 'ids']) mkdirSync(path.join(out, folder), { recursive: true });
  const writeTexts = (name: string, items: Iterable<Item>): string => {
    const file = path.join(out, 'texts', `${name}.jsonl`);
    writeItems(file, items);
    return file;
  };
  copyFileSync(vocabulary, path.join(out, 'vocabularies', 'given.txt'));
  writeFileSync(path.join(out, 'vocabularies', 'wide.txt'), `${wideVocabulary(readFileSync(vocabulary, 'utf8').trimEnd().split('\n')).join('\n')}\n`);

  const names = readdirSync(corpus).filter((name) => name.endsWith('.txt')).sort();
  if (names.length === 0) throw new Error(`${corpus}: no *.txt in it; give the folder of the corpus`);
  const sources: Source[] = names.map((name) => ({ source: name, file: path.resolve(corpus, name), format: 'lines', maxLength: null, hard: false }));
  for (const task of Object.values(glueTasks)) sources.push(...(await glueSources(glue, task, writeTexts)));
  const hard: readonly (readonly [source: string, name: string, items: Iterable<Item>, maxLength?: number])[] = [
    ['every code point, in 5 surroundings', 'code-points', codePointTexts()],
    ['special tokens in text', 'special-tokens', specialTokenTexts()],
    ['words of up to 10,000 letters', 'long-words', longWords()],
    ['long runs, ##', 'runs', runTexts()],
    ['normalization, sigma, emoji, invisible', 'sequences', sequenceTexts()],
    ['random strings', 'random', randomTexts(randomCount, 20)],
    ['pairs of random strings cut to 24', 'random-pairs', randomPairs(pairCount, 21), 24],
  ];
  for (const [source, name, items, maxLength] of hard) sources.push({ source: `hard: ${source}`, file: writeTexts(`hard-${name}`, items), format: 'jsonl', maxLength: maxLength ?? null, hard: true });

  const jobs = tokenizers.flatMap(({ name: tokenizer, strip_accents }) =>
    sources.flatMap(({ hard, ...source }, i) => (hard || strip_accents === null ? [{ ...source, tokenizer, ids: path.join('ids', `${tokenizer}-${i}.bin`) }] : [])),
  );
  writeFileSync(path.join(out, 'jobs.json'), `${JSON.stringify({ tokenizers, jobs } satisfies Jobs, undefined, 1)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , corpus, glue, vocabulary, out] = process.argv;
  if (corpus === undefined || glue === undefined || vocabulary === undefined || out === undefined) throw new Error('usage: jobs.js CORPUS_DIR GLUE_DIR VOCAB OUTPUT_DIR');
  await writeJobs(corpus, glue, vocabulary, out);
}
