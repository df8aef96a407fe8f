/**
 * Makes the quickstart's data sample (scripts/quickstart/data) from complete data: a corpus sample of public-domain novels and,
 * for each GLUE task whose rows may be passed on, the first rows of a seeded shuffle of train and dev.
 *   node dist/scripts/dev/makeQuickstartData.js SHARED_DATA_DIR
 * SHARED_DATA_DIR holds corpus/english_novels_pre1930.txt and glue/. Takes a few seconds; the result is committed.
 * Left out: QQP (its terms forbid passing rows on) and training rows taken from a collection under a non-commercial licence.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GlueTaskName, glueTasks } from '../../glue/tasks.js';
import { Random } from '../../src/data/random.js';

/** Rows to keep: train, and each dev set (0 = all of it). */
const rowsToKeep: Readonly<Partial<Record<GlueTaskName, readonly [train: number, dev: number]>>> = {
  cola: [3000, 0],
  sst2: [6000, 0],
  mrpc: [1200, 0],
  stsb: [1800, 500],
  mnli: [3000, 500],
  qnli: [2000, 500],
  rte: [1200, 0],
  wnli: [0, 0],
};

/** The collection whose rows are under CC BY-NC; the sample takes none of them. */
const nonCommercial = 'rethinking-demonstrations';

/** One novel chapter of every `stride`, so that the sample has many authors. */
const corpusStride = 26;

const [source] = process.argv.slice(2);
if (source === undefined || !existsSync(source)) {
  console.error(`no data folder ${source ?? '(none given)'}; give the folder that holds corpus/ and glue/`);
  process.exit(2);
}
const target = fileURLToPath(new URL('../../../scripts/quickstart/data', import.meta.url));

function writeLines(file: string, lines: readonly string[]): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join('\n')}\n`);
  console.log(`${path.relative(target, file)}: ${lines.length} lines`);
}

const documents = readFileSync(path.join(source, 'corpus', 'english_novels_pre1930.txt'), 'utf8').split('\n\n').filter((text) => text.trim() !== '');
const chosen = documents.filter((_, i) => i % corpusStride === 0);
writeLines(path.join(target, 'corpus', 'novels.txt'), chosen.flatMap((text, i) => (i === 0 ? [] : ['']).concat(text.trim().split('\n'))));

/** Indices of the first `count` rows of a seeded shuffle, in file order; 0 keeps all. */
function sample(total: number, count: number, ...keys: readonly number[]): number[] {
  const order = new Random(...keys).shuffle(Array.from({ length: total }, (_, i) => i));
  return order.slice(0, count === 0 ? total : count).sort((a, b) => a - b);
}

for (const [name, [trainRows, devRows]] of Object.entries(rowsToKeep)) {
  const task = glueTasks[name as GlueTaskName];
  for (const [splitIndex, [split, layout]] of Object.entries(task.splits).entries()) {
    if (split.startsWith('test')) continue;
    const folder = path.join(source, 'glue', task.title);
    const lines = readFileSync(path.join(folder, layout.file), 'utf8').trimEnd().split('\n');
    const head = layout.header ? lines.slice(0, 1) : [];
    let rows = lines.slice(head.length);
    const provenance = path.join(folder, 'train.provenance.txt');
    if (split === 'train' && existsSync(provenance)) {
      const origins = readFileSync(provenance, 'utf8').trimEnd().split('\n');
      rows = rows.filter((_, i) => !(origins[i] ?? nonCommercial).startsWith(nonCommercial));
    }
    const kept = sample(rows.length, split === 'train' ? trainRows : devRows, 7, splitIndex).map((i) => rows[i] ?? '');
    writeLines(path.join(target, 'glue', task.title, layout.file), [...head, ...kept]);
  }
}
const ax = glueTasks.ax.splits.test;
if (ax !== undefined) writeLines(path.join(target, 'glue', 'AX', ax.file), readFileSync(path.join(source, 'glue', 'AX', ax.file), 'utf8').trimEnd().split('\n'));
