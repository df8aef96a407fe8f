/**
 * Exports models and runs them where they are meant to run: ONNX Runtime for Node, and the pipelines of transformers.js. Prints the
 * largest difference to our own outputs (at the tokens that the mask keeps; relative for values above 1) and exits 1 where one exceeds 1e-5.
 *   npm run build && npm ci --prefix scripts/checks && node scripts/checks/runExports.mjs
 * Tiny models of every class; and all-minilm-l6-v2, where it lies in $BERTWRIGHT_SHARED/models. A minute on two cores.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, env, pipeline, Tensor as JsTensor } from '@huggingface/transformers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { setEngine } from '../../dist/src/engine/index.js';
import { exportModel } from '../../dist/src/export/exportModel.js';
import { architectures, largestDifference, makeCheckpoint, ourOutputs, padded, tinyBatches } from '../../dist/src/export/testing/cases.js';
import { BertTokenizer, pipeline as ourPipeline } from '../../dist/scripts/index.js';

const allowed = 1e-5;
const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-exports-'));
let exceeded = 0;

env.allowRemoteModels = false;
env.localModelPath = folder;

function report(model, runtime, difference) {
  // A difference that is no number is one that is too large.
  const good = difference <= allowed;
  if (!good) exceeded += 1;
  console.log(`${model.padEnd(40)}  ${runtime.padEnd(50)}  ${difference.toExponential(1)}${good ? '' : '  TOO LARGE'}`);
}

/** The inputs of a graph as int64 tensors of either library. */
function feedsOf(batch, TensorClass) {
  return Object.fromEntries(Object.entries(batch).map(([name, rows]) => [name, new TensorClass('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length])]));
}

function plain(outputs) {
  return Object.fromEntries(Object.entries(outputs).map(([name, { dims, data }]) => [name, { shape: [...dims], values: Float32Array.from(data) }]));
}

/** One checkpoint through both runtimes, on batches of ids. */
async function compareOutputs(name, checkpoint, architecture, batches) {
  const session = await InferenceSession.create(path.join(folder, name, 'onnx', 'model.onnx'));
  const modelClass = { BertForMaskedLM: AutoModelForMaskedLM, BertForSequenceClassification: AutoModelForSequenceClassification }[architecture] ?? AutoModel;
  const model = await modelClass.from_pretrained(name);
  const worst = { session: 0, model: 0 };
  for (const batch of batches) {
    const ours = await ourOutputs(checkpoint, architecture, batch);
    worst.session = Math.max(worst.session, largestDifference(plain(await session.run(feedsOf(batch, Tensor))), ours, batch));
    worst.model = Math.max(worst.model, largestDifference(plain(await model(feedsOf(batch, JsTensor))), ours, batch));
  }
  report(name, `onnxruntime-node, ${batches.length} batches`, worst.session);
  report(name, `transformers.js ${modelClass.name}`, worst.model);
  await session.release();
  await model.dispose();
}

/** The largest difference of scores; infinite where the labels or pieces are not the same ones in the same order. */
function scoreDifference(found, expected, key) {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return expected.reduce((worst, entry, i) => (found[i][key] === entry[key] ? Math.max(worst, Math.abs(found[i].score - entry.score)) : Number.POSITIVE_INFINITY), 0);
}

/** transformers.js from text to answer, beside ours. */
async function comparePipeline(name, checkpoint, architecture, texts) {
  if (architecture === 'BertModel') {
    const extract = await pipeline('feature-extraction', name);
    const tokenizer = await BertTokenizer.fromPretrained(checkpoint);
    let worst = 0;
    for (const text of texts) {
      const { inputIds, attentionMask, tokenTypeIds } = tokenizer.encode(text);
      const batch = { input_ids: [inputIds], attention_mask: [attentionMask], token_type_ids: [tokenTypeIds] };
      const { last_hidden_state } = await ourOutputs(checkpoint, architecture, batch);
      worst = Math.max(worst, largestDifference(plain({ last_hidden_state: await extract(text) }), { last_hidden_state }, batch));
    }
    report(name, 'transformers.js pipeline feature-extraction', worst);
    // Cut to the model's longest sequence, or the graph would fail. transformers.js cuts off the [SEP] too, so that the values are not ours.
    await extract('a mat '.repeat(600));
    await extract.dispose();
  } else if (architecture === 'BertForMaskedLM') {
    const [theirs, ours] = [await pipeline('fill-mask', name), await ourPipeline('fill-mask', checkpoint)];
    let worst = 0;
    for (const text of texts.map((words) => words.replace(/\w+/, '[MASK]'))) worst = Math.max(worst, scoreDifference(await theirs(text, { top_k: 5 }), await ours(text, { topK: 5 }), 'token'));
    report(name, 'transformers.js pipeline fill-mask', worst);
    ours.dispose();
    await theirs.dispose();
  } else if (architecture === 'BertForSequenceClassification') {
    const [theirs, ours] = [await pipeline('text-classification', name), await ourPipeline('text-classification', checkpoint)];
    const [found, expected] = [await theirs(texts, { top_k: 3 }), await ours(texts, { topK: 3 })];
    report(name, 'transformers.js pipeline text-classification', Math.max(...expected.map((row, i) => scoreDifference(found[i], row, 'label'))));
    ours.dispose();
    await theirs.dispose();
  }
}

try {
  const { engine, isa } = await setEngine('auto');
  console.log(`ours: ${engine}${isa === undefined ? '' : ` (${isa})`}`);
  // As many entries as the tiny model has embeddings.
  const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'cat', 'sat', 'on', 'a', 'mat', '##s', '.', ...Array.from({ length: 40 }, (_, i) => String.fromCodePoint(0x3b1 + i))];
  for (const architecture of architectures) {
    for (const activation of ['gelu', 'gelu_new', 'relu']) {
      const checkpoint = await makeCheckpoint(path.join(folder, 'checkpoints'), architecture, { hidden_act: activation });
      await BertTokenizer.fromVocab(vocab, { lowercase: true }).save(checkpoint);
      const name = `tiny-${architecture.replace('Bert', '')}-${activation}`;
      await exportModel({ model: checkpoint, to: 'transformers.js', output: path.join(folder, name) });
      await compareOutputs(name, checkpoint, architecture, tinyBatches);
      await comparePipeline(name, checkpoint, architecture, ['The cat sat on a mat', 'a mat', 'cats', 'the cats sat on the mats.']);
    }
  }
  const miniLm = path.join(process.env.BERTWRIGHT_SHARED ?? '', 'models', 'all-minilm-l6-v2');
  if (process.env.BERTWRIGHT_SHARED !== undefined && existsSync(miniLm)) {
    const name = 'all-minilm-l6-v2';
    await exportModel({ model: miniLm, to: 'transformers.js', output: path.join(folder, name) });
    await compareOutputs(name, miniLm, 'BertModel', [padded([7], 30522), padded([40, 3, 128], 30522)]);
    await comparePipeline(name, miniLm, 'BertModel', ['A gorgeous film, acted with care.', 'He left early.']);
  } else console.log('all-minilm-l6-v2: skipped, BERTWRIGHT_SHARED has no models/all-minilm-l6-v2');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(exceeded === 0 ? `all within ${allowed}` : `${exceeded} above ${allowed}`);
process.exitCode = exceeded === 0 ? 0 : 1;
