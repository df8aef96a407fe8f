import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { acceptabilityRows, vocabulary, writeCola, writeMnli, writeTinyModel } from '../tasks/testing/tinyTask.js';
import type * as Library from './index.js';

// By the name that a user imports, so that the exports of package.json are tested, too; a variable keeps the compiler from looking for built types.
const packageName = 'bertwright';
const library = (await import(packageName)) as typeof Library;
const { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForMaskedLM, BertForPreTraining, BertForSequenceClassification, BertModel, BertTokenizer } = library;

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-library-'));
const model = path.join(folder, 'tiny');
const data = path.join(folder, 'glue');
const config = new BertConfig({ vocabSize: vocabulary.length, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 24, maxPositionEmbeddings: 48 });
/** Two rows, the second with one column of padding. */
const inputs = { inputIds: [[2, 6, 7, 4, 3], [2, 8, 9, 3, 0]], attentionMask: [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]], tokenTypeIds: [[0, 0, 0, 0, 0], [0, 0, 1, 1, 0]] };

before(async () => {
  const info = await library.setEngine('cpu');
  assert.equal(info.engine, 'cpu');
  await writeTinyModel(model);
  await writeCola(data);
  await writeMnli(data);
});
after(async () => {
  await rm(folder, { recursive: true });
});

test('the engine tells its name, why it was taken, and what tfjs it runs on', () => {
  const { engine, reason, tfjsVersion, matmulPrecision } = library.engineInfo();
  assert.deepEqual([engine, reason, matmulPrecision], ['cpu', 'asked for by name', 'highest']);
  assert.match(tfjsVersion, /^\d+\.\d+\.\d+$/);
});

describe('models take padded inputs and give the outputs that the interface names', () => {
  test('BertModel', async () => {
    const made = BertModel.fromConfig(config, { seed: 1 });
    const { sequenceOutput, pooledOutput } = made.forward(inputs, { training: false });
    assert.deepEqual([sequenceOutput.shape, pooledOutput.shape], [[2, 5, 16], [2, 16]]);
    assert.deepEqual(sequenceOutput.arraySync()[1]?.[4], new Array(16).fill(0), 'padding is zero');
    const directory = path.join(folder, 'encoder');
    await made.savePretrained(directory);
    const loaded = await BertModel.fromPretrained(directory, { matmulPrecision: 'highest' });
    assert.ok(loaded.namedParameters().has('embeddings.word_embeddings.weight'));
    assert.deepEqual(loaded.forward(inputs).pooledOutput.arraySync(), pooledOutput.arraySync());
    const automatic = await AutoModel.fromPretrained(directory);
    assert.equal(automatic.config.modelType, 'bert');
    for (const each of [made, loaded, automatic]) each.dispose();
  });

  test('BertForPreTraining and BertForMaskedLM', () => {
    const labels = [[-100, -100, 9, -100, -100], [-100, 5, -100, -100, -100]];
    const pretraining = BertForPreTraining.fromConfig(config);
    const output = pretraining.forward({ ...inputs, labels, nextSentenceLabel: [0, 1] });
    assert.deepEqual([output.predictionLogits.shape, output.seqRelationshipLogits.shape], [[2, 5, vocabulary.length], [2, 2]]);
    const chance = Math.log(vocabulary.length) + Math.log(2);
    assert.ok(Math.abs((output.loss?.dataSync()[0] ?? 0) - chance) < 0.3, 'untrained, it is as good as chance');
    assert.ok(pretraining.namedParameters().has('cls.seq_relationship.weight'));
    const masked = BertForMaskedLM.fromConfig(config);
    assert.ok(Math.abs((masked.forward({ ...inputs, labels }).loss?.dataSync()[0] ?? 0) - Math.log(vocabulary.length)) < 0.3);
    pretraining.dispose();
    masked.dispose();
  });

  test('BertForSequenceClassification', async () => {
    const classifier = await BertForSequenceClassification.fromPretrained(model, { numLabels: 3, id2label: ['a', 'b', 'c'] });
    const { logits, loss } = classifier.forward({ ...inputs, labels: [2, 0] });
    assert.deepEqual(logits.shape, [2, 3]);
    assert.ok((loss?.dataSync()[0] ?? 0) > 0);
    assert.deepEqual(classifier.loadReport.missing, ['classifier.weight', 'classifier.bias']);
    classifier.dispose();
    const automatic = await AutoModelForSequenceClassification.fromPretrained(model);
    assert.equal(automatic.numLabels, 2);
    automatic.dispose();
  });
});

test('tokenizers encode texts and pairs, alone and in batches, and decode', async () => {
  const tokenizer = await BertTokenizer.fromPretrained(model);
  const { inputIds, attentionMask, tokenTypeIds } = tokenizer.encode('the old sailor', 'sang a song', { maxLength: 7, truncation: true });
  assert.deepEqual([inputIds.length, attentionMask.join(''), tokenTypeIds.join('')], [7, '1111111', '0000111']);
  assert.deepEqual(tokenizer.tokenize('The old  Sailor'), ['the', 'old', 'sailor']);
  assert.equal(tokenizer.decode(tokenizer.encode('sang a song').inputIds, { skipSpecialTokens: true }), 'sang a song');
  assert.equal(tokenizer.encodeBatch(['a song', ['a', 'song']]).length, 2);
  assert.deepEqual((await AutoTokenizer.fromPretrained(model)).encode('a song'), tokenizer.encode('a song'));
});

test('the tasks, their rows and their metrics', async () => {
  assert.equal(Object.keys(library.glueTasks).length, 10);
  const { examples } = await library.loadGlue(data, 'MNLI', 'dev_mismatched');
  assert.equal(examples.length, 13);
  const { accuracy, f1, matthewsCorrelation, pearson, spearman } = library.metrics;
  assert.equal(accuracy([1, 0, 1, 1], [1, 0, 0, 1]), 0.75);
  assert.equal(f1([1, 0, 1, 1], [1, 0, 0, 1]), 0.8);
  assert.equal(matthewsCorrelation([1, 0], [1, 0]), 1);
  assert.ok(Math.abs(Number(pearson([1, 2, 3], [2, 4, 6])) - 1) < 1e-12);
  assert.ok(Math.abs(Number(spearman([1, 2, 9], [3, 4, 5])) - 1) < 1e-12);
  assert.deepEqual(pearson([1, 1], [1, 2]), { value: 0, undefined: true });
});

test('from text to the report: pretrain, finetune, runSuite, writeReport and pipelines, with progress and a signal', async () => {
  const corpus = path.join(folder, 'corpus.txt');
  const documents = Array.from({ length: 8 }, (_, d) => acceptabilityRows.map(([sentence], i) => acceptabilityRows[(i * 5 + d * 3) % acceptabilityRows.length]?.[0] ?? sentence).slice(0, 6 + d).join('\n'));
  writeFileSync(corpus, documents.join('\n\n'));
  const events: string[] = [];
  const progress = (event: Library.ProgressEvent): void => void events.push(event.type);
  const { signal } = new AbortController();
  const pretrained = path.join(folder, 'pretrained');
  const { vocabSize: _, ...shape } = config;
  const { results } = await library.pretrain({ corpus: [corpus], tokenizer: model, modelConfig: shape, output: pretrained, maxSeqLength: 32, maxSteps: 3, perDeviceTrainBatchSize: 4, progress, signal });
  assert.equal(results['steps'], 3);
  assert.equal(typeof results['eval_unigram_loss'], 'number');
  assert.ok(['note', 'step', 'eval', 'save', 'done'].every((type) => events.includes(type)), [...new Set(events)].join());

  const fill = await library.pipeline('fill-mask', pretrained);
  const [piece] = await fill('the old [MASK] .', { topK: 1 });
  assert.ok(piece !== undefined && piece.score > 0 && piece.sequence.startsWith('the old '));
  fill.dispose();

  const tuned = path.join(folder, 'cola');
  const finetuned = await library.finetune({ task: 'cola', model: pretrained, data, output: tuned, numTrainEpochs: 1, perDeviceTrainBatchSize: 16, maxSeqLength: 24, progress, signal });
  assert.equal(finetuned.results['eval_samples'], 32);
  const classify = await library.pipeline('text-classification', tuned);
  const labels = await classify(['the old sailor sang a song .', { text: 'a song', textPair: 'the garden' }]);
  assert.ok(labels.length === 2 && labels.every(({ label, score }) => ['acceptable', 'unacceptable'].includes(label) && score >= 0.5));
  classify.dispose();

  const { runs } = await library.runSuite({ models: [pretrained], tasks: ['mnli'], seeds: [1], data, output: path.join(folder, 'suite'), numTrainEpochs: 1, maxSeqLength: 24, signal });
  assert.deepEqual(runs.map(({ task, status }) => `${task} ${status}`), ['mnli complete']);
  const report = await library.writeReport([pretrained, tuned, path.join(folder, 'suite')], { output: path.join(folder, 'report'), published: ['bert-tiny'] });
  for (const file of [report.markdown, report.html, report.json]) assert.ok(existsSync(file), file);
  const system = report.data.systems.find(({ name }) => name === 'pretrained');
  assert.deepEqual(Object.keys(system?.tasks ?? {}), ['cola', 'mnli']);
  assert.deepEqual(Object.keys(system?.tasks.mnli?.metrics ?? {}), ['accuracy', 'accuracy_mm']);
  assert.equal(report.data.pretraining.length, 1);
});

test('errors are classes of the library with the exit code and what to do', async () => {
  await assert.rejects(library.loadGlue(data, 'colla', 'dev'), (error) => error instanceof library.UsageError && error.exitCode === 2 && /Did you mean "cola"/.test(error.message));
  await assert.rejects(library.pipeline('fill-mask', path.join(folder, 'none')), (error) => error instanceof library.BertwrightError && error.hint !== undefined);
});
