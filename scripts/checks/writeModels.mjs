/**
 * Writes model directories of every kind that bertwright saves, and beside them what it computes with each: the material of
 * loadInTransformers.py, whose docstring says how to run both.
 *   node scripts/checks/writeModels.mjs FOLDER
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setEngine } from '../../dist/src/engine/index.js';
import { exportModel } from '../../dist/src/export/exportModel.js';
import { architectures, makeCheckpoint, ourOutputs, padded, tinyBatches } from '../../dist/src/export/testing/cases.js';
import { BertTokenizer } from '../../dist/scripts/index.js';

const root = path.resolve(import.meta.dirname, '../..');
const texts = ['The cat sat on the mat.', 'Unaffable, it was \u2014 na\u00efve \u4e2d\u6587!'];
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/checks/writeModels.mjs FOLDER');
  process.exit(2);
}

const models = [];

/** Notes a directory with our outputs for each batch, and our ids of the texts where it has a tokenizer. */
async function add(directory, batches) {
  const { architectures: [architecture] } = JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8'));
  const outputs = [];
  for (const batch of batches) {
    const ours = await ourOutputs(directory, architecture, batch);
    outputs.push(Object.fromEntries(Object.entries(ours).map(([name, { shape, values }]) => [name, { shape, values: [...values] }])));
  }
  const tokenizer = existsSync(path.join(directory, 'tokenizer.json')) ? await BertTokenizer.fromPretrained(directory) : undefined;
  models.push({ directory: path.relative(folder, directory), architecture, batches, outputs, texts, ids: tokenizer?.encodeBatch(texts).map(({ inputIds }) => inputIds) });
}

/** A command of ours; its output is shown only where it fails. */
function run(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'dist/scripts/cli.js'), ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`bertwright ${args.join(' ')} exited ${status}\n${stdout}${stderr}`);
}

mkdirSync(folder, { recursive: true });
await setEngine('auto');

// As savePretrained leaves them, and exported from there.
for (const architecture of architectures) {
  const saved = path.join(folder, `saved-${architecture}`);
  cpSync(await makeCheckpoint(path.join(folder, 'checkpoints'), architecture), saved, { recursive: true });
  await BertTokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...Array.from({ length: 32 }, (_, i) => String.fromCodePoint(97 + i))], { lowercase: true }).save(saved);
  await add(saved, tinyBatches);
  const exported = path.join(folder, `hf-${architecture}`);
  await exportModel({ model: saved, to: 'hf', output: exported });
  await add(exported, tinyBatches);
}

// As the commands leave them.
const data = path.join(root, 'scripts/quickstart/data');
const at = (name) => path.join(folder, name);
run('vocab', '--corpus', path.join(data, 'corpus/novels.txt'), '--vocab-size', '2000', '--output', at('tokenizer'));
run('pretrain', '--corpus', path.join(data, 'corpus/novels.txt'), '--tokenizer', at('tokenizer'), '--model-config', 'tiny', '--max-steps', '2', '--output', at('pretrained'));
for (const task of ['mrpc', 'stsb']) run('finetune', '--task', task, '--model', at('pretrained'), '--data', path.join(data, 'glue'), '--max-steps', '2', '--output', at(`finetuned-${task}`));
run('export', '--model', at('pretrained'), '--to', 'hf', '--architecture', 'BertForMaskedLM', '--output', at('hf-pretrained-masked-lm'));
run('export', '--model', at('finetuned-mrpc'), '--to', 'hf', '--output', at('hf-finetuned-mrpc'));
for (const name of ['pretrained', 'finetuned-mrpc', 'finetuned-stsb', 'hf-pretrained-masked-lm', 'hf-finetuned-mrpc']) await add(at(name), [padded([40, 3, 17], 2000)]);

const miniLm = path.join(process.env.BERTWRIGHT_SHARED ?? '', 'models', 'all-minilm-l6-v2');
if (process.env.BERTWRIGHT_SHARED !== undefined && existsSync(miniLm)) {
  await exportModel({ model: miniLm, to: 'hf', output: at('hf-all-minilm-l6-v2') });
  await add(at('hf-all-minilm-l6-v2'), [padded([40, 3, 64], 30522)]);
} else console.error('all-minilm-l6-v2: skipped, BERTWRIGHT_SHARED has no models/all-minilm-l6-v2');

writeFileSync(at('models.json'), JSON.stringify(models));
console.log(`${models.length} models in ${folder}`);
