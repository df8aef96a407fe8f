import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { glueTasks } from '../glue/tasks.js';
import { DataError, UsageError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import { AutoModelForSequenceClassification } from '../src/models/index.js';
import { BertTokenizer } from '../src/tokenizer/index.js';
import { evaluateTask } from './evaluate.js';
import { finetune } from './finetune.js';
import { checkedLabelOrder } from './labelMapping.js';
import type { Results } from './options.js';
import { predictTask } from './predict.js';
import { specOfGlue } from './taskSpec.js';
import { vocabulary, writeMnli, writeStsb, writeTinyModel } from './testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-labels-'));
const data = path.join(folder, 'glue');
/** Fine-tuned on 16 rows of MNLI until it has all of them right; its labels are in the order of the Hugging Face datasets. */
const tuned = path.join(folder, 'hugging-face');
const googleOrder = ['contradiction', 'entailment', 'neutral'] as const;

const at = (name: string): string => path.join(folder, name);

/** A copy of the tuned model whose output i is the label order[i], with the names given (none: the key is left out). */
async function writeReordered(name: string, order: readonly string[], names: readonly string[] | undefined): Promise<void> {
  const model = await AutoModelForSequenceClassification.fromPretrained(tuned);
  const rows = order.map((label) => glueTasks.mnli.labels.indexOf(label));
  for (const parameter of ['classifier.weight', 'classifier.bias']) {
    const variable = model.namedParameters().get(parameter);
    assert.ok(variable !== undefined);
    tf.tidy(() => variable.assign(tf.gather(variable, rows)));
  }
  await cp(tuned, at(name), { recursive: true });
  await model.savePretrained(at(name));
  model.dispose();
  const file = path.join(at(name), 'config.json');
  const { id2label: _, label2id: __, ...config } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify(names === undefined ? { ...config, num_labels: order.length } : { ...config, id2label: { ...names } }));
}

before(async () => {
  await setEngine('auto');
  await writeTinyModel(at('tiny-bert'));
  await writeMnli(data);
  await writeStsb(data);
  const { results } = await finetune({ model: at('tiny-bert'), data, task: 'mnli', output: tuned, learningRate: 3e-3, perDeviceTrainBatchSize: 4, numTrainEpochs: 50, warmupSteps: 2, seed: 5, maxSeqLength: 40, evalStrategy: 'no', doPredict: false });
  assert.deepEqual([results['eval_accuracy'], results['eval_accuracy_mm']], [1, 1]);
  await writeReordered('google', googleOrder, googleOrder);
  await writeReordered('google-unnamed', googleOrder, ['LABEL_0', 'LABEL_1', 'LABEL_2']);
  await writeReordered('google-without-id2label', googleOrder, undefined);
  await writeReordered('hugging-face-unnamed', glueTasks.mnli.labels, ['LABEL_0', 'LABEL_1', 'LABEL_2']);
  await writeReordered('numbered', googleOrder, ['0', '1', '2']);
});
after(async () => {
  await rm(folder, { recursive: true });
});

/** All notes of an evaluation on both dev sets, and its results. */
async function evaluated(name: string, labelOrder?: readonly string[]): Promise<{ readonly results: Results; readonly notes: string[] }> {
  const notes: string[] = [];
  const results = await evaluateTask({
    task: 'mnli', model: at(name), data, labelOrder,
    progress: (event) => {
      if (event.type === 'note') notes.push(event.text);
    },
  });
  return { results, notes };
}

/** What a score is made of, without what the clock decides; losses to the last digits, because the sum over the classes depends on their order. */
function scoreOf(results: Results): unknown[] {
  return Object.entries(results).filter(([key]) => key.startsWith('eval_') && !/runtime|per_second/.test(key)).map(([key, value]) => [key, Number(Number(value).toPrecision(9))]);
}

describe('a checkpoint with another order of the labels', () => {
  test("scores the same with Google's order of MNLI in id2label as with Hugging Face's", async () => {
    const reference = await evaluated('hugging-face');
    const { results, notes } = await evaluated('google');
    assert.equal(results['eval_accuracy'], 1);
    assert.deepEqual(scoreOf(results), scoreOf(reference.results));
    assert.equal('warnings' in results, false);
    assert.deepEqual(notes, []);
  });
  for (const name of ['google-unnamed', 'google-without-id2label']) {
    test(`warns and names the flag with its value where labels are not named and another order fits (${name})`, async () => {
      const { results, notes } = await evaluated(name);
      assert.deepEqual([results['eval_accuracy'], results['eval_accuracy_mm']], [0, 0]);
      const [warning, ...more] = results['warnings'] as string[];
      assert.match(warning ?? '', /right in 0\.0% of 24 rows, as contradiction, entailment, neutral in 100\.0%\. .* give --label-order contradiction,entailment,neutral$/);
      assert.deepEqual(more, []);
      assert.equal(notes.length, 2);
      assert.match(notes[0] ?? '', /does not name its labels; taken as entailment, neutral, contradiction in this order/);
      assert.equal(notes[1], `warning: ${warning}`);
    });
  }
  test('scores right with the flag, in any spelling of the names, and does not warn', async () => {
    const reference = await evaluated('hugging-face');
    for (const order of [googleOrder, ['Contradiction', 'ENTAILMENT', 'neutral']]) {
      const { results, notes } = await evaluated('google-unnamed', order);
      assert.deepEqual(scoreOf(results), scoreOf(reference.results));
      assert.equal('warnings' in results, false);
      assert.deepEqual(notes, []);
    }
  });
  test('the flag wins over id2label', async () => {
    assert.equal((await evaluated('google', ['neutral', 'contradiction', 'entailment'])).results['eval_accuracy'], 0);
  });
  test('is not suspected where the order of the table fits', async () => {
    const { results, notes } = await evaluated('hugging-face-unnamed');
    assert.equal(results['eval_accuracy'], 1);
    assert.equal('warnings' in results, false);
    assert.equal(notes.length, 1);
  });
  test('with names that are neither the task\'s nor LABEL_n is refused, and the flag named', async () => {
    await assert.rejects(evaluated('numbered'), (error) => error instanceof UsageError && /labels are 0, 1, 2; MNLI has entailment/.test(error.message) && /--label-order/.test(error.hint ?? ''));
    assert.equal((await evaluated('numbered', googleOrder)).results['eval_accuracy'], 1);
  });
});

test('evaluate and predict note the rows of the embeddings that the tokenizer has no entry for', async () => {
  await cp(at('google'), at('padded'), { recursive: true });
  await BertTokenizer.fromVocab(vocabulary.slice(0, -1), { lowercase: true }).save(at('padded'));
  const expected = `the word embeddings have ${vocabulary.length} rows, the tokenizer ${vocabulary.length - 1} entries: the last row is not used`;
  assert.deepEqual((await evaluated('padded')).notes, [expected]);
  const notes: string[] = [];
  await predictTask({ model: at('padded'), rows: [{ textA: 'a', textB: 'b' }], progress: (event) => event.type === 'note' && notes.push(event.text) });
  assert.equal(notes[0], expected);
  assert.match(notes[1] ?? '', /^1 rows in /);
  assert.equal(notes.length, 2);
});

describe('predictions with --label-order', () => {
  test('are named by it, in the spelling of the task', async () => {
    const named = await predictTask({ task: 'ax', model: at('google'), data });
    const ordered = await predictTask({ task: 'ax', model: at('google-unnamed'), data, labelOrder: ['contradiction', 'Entailment', 'neutral'] });
    assert.deepEqual(ordered, named);
    assert.ok(new Set(ordered.map(({ prediction }) => prediction)).size > 1);
  });
  test("a model of another task's classes is refused where a task is named", async () => {
    await assert.rejects(predictTask({ task: 'cola', model: at('google'), rows: [{ textA: 'the old sailor' }] }), /the model's labels are .*; CoLA has unacceptable, acceptable/);
    await assert.rejects(predictTask({ task: 'stsb', model: at('google'), rows: [{ textA: 'the old sailor' }] }), /STS-B needs a regression model/);
  });
  test('without a task take the names as they are given', async () => {
    const rows = [{ textA: 'the old sailor mended the broken clock .', textB: 'the old sailor mended the broken clock .' }];
    const [named] = await predictTask({ model: at('google'), rows });
    const [ordered] = await predictTask({ model: at('google-unnamed'), rows, labelOrder: ['no', 'yes', 'perhaps'] });
    assert.equal(ordered?.prediction, { contradiction: 'no', entailment: 'yes', neutral: 'perhaps' }[String(named?.prediction)]);
    await assert.rejects(predictTask({ model: at('google-unnamed'), rows, labelOrder: ['no', 'yes'] }), /--label-order no,yes has 2 labels; the model has 3 outputs/);
  });
});

test('own data is scored by the names that --label-order gives', async () => {
  const validationFile = at('own.csv');
  const rows = (await readFile(path.join(data, 'MNLI', 'dev_matched.tsv'), 'utf8')).trimEnd().split('\n').slice(1).map((line) => line.split('\t'));
  const own: Readonly<Record<string, string>> = { contradiction: 'no', entailment: 'yes', neutral: 'perhaps' };
  await writeFile(validationFile, `sentence1,sentence2,label\n${rows.map(([, a, b, label]) => `${a},${b},${own[label ?? '']}\n`).join('')}`);
  assert.equal((await evaluateTask({ validationFile, model: at('google-unnamed'), labelOrder: ['no', 'yes', 'perhaps'] }))['eval_accuracy'], 1);
  await assert.rejects(evaluateTask({ validationFile, model: at('google-unnamed'), labelOrder: ['no', 'yes'] }), /has 2 labels; the model has 3 outputs/);
  await assert.rejects(evaluateTask({ validationFile, model: at('google-unnamed'), labelOrder: ['no', 'yes', 'prhaps'] }), (error) => error instanceof DataError && /label "perhaps", expected one of no, yes, prhaps/.test(error.message));
});

describe('--label-order', () => {
  const mnli = specOfGlue(glueTasks.mnli);
  const cases: readonly [what: string, order: readonly string[], message: RegExp][] = [
    ['a name that is none of the task\'s', ['contradicton', 'entailment', 'neutral'], /MNLI has no label "contradicton"\. Did you mean "contradiction"\?/],
    ['too few', ['contradiction', 'entailment'], /has 2 labels; MNLI has 3: entailment, neutral, contradiction/],
    ['one', ['neutral'], /has 1 label; MNLI has 3/],
    ['a name twice', ['contradiction', 'entailment', 'Entailment'], /has "entailment" twice/],
  ];
  for (const [what, order, message] of cases) {
    test(`refuses ${what}`, () => assert.throws(() => checkedLabelOrder(order, mnli), (error) => error instanceof UsageError && message.test(error.message) && error.hint !== undefined));
  }
  test('takes the strings of the release\'s files too', () => assert.deepEqual(checkedLabelOrder(['1', 'not equivalent'], specOfGlue(glueTasks.mrpc)), ['equivalent', 'not_equivalent']));
  test('is refused for a regression, by the task and by the model', async () => {
    await assert.rejects(evaluateTask({ task: 'stsb', model: tuned, data, labelOrder: ['a', 'b'] }), /--label-order a,b: STS-B has scores, not labels/);
    const output = at('scores');
    await finetune({ model: at('tiny-bert'), data, task: 'stsb', output, numTrainEpochs: 1, doPredict: false });
    await assert.rejects(predictTask({ model: output, rows: [{ textA: 'the old sailor' }], labelOrder: ['a', 'b'] }), /--label-order a,b has 2 labels; the model has one output, a score/);
    assert.equal('warnings' in (await evaluateTask({ task: 'stsb', model: output, data })), false);
  });
});

describe('the command line', () => {
  const cli = fileURLToPath(new URL('../scripts/cli.js', import.meta.url));
  const bertwright = (...args: readonly string[]): { readonly stdout: string; readonly stderr: string; readonly status: number | null } =>
    spawnSync(process.execPath, [cli, ...args, '--data', data, '--json'], { encoding: 'utf8', input: '' });

  test('warns once on stderr and in the JSON, when quiet too; with the value it names the score is right', () => {
    for (const quiet of [[], ['--quiet']]) {
      const { stdout, stderr, status } = bertwright('evaluate', '--task', 'mnli', '--model', at('google-unnamed'), ...quiet);
      assert.equal(status, 0, stderr);
      assert.equal(stderr.split('warning: ').length, 2, stderr);
      const flag = /--label-order (\S+)$/m.exec(stderr)?.[1] ?? '';
      assert.equal(flag, googleOrder.join(','));
      assert.match((JSON.parse(stdout) as { warnings: string[] }).warnings[0] ?? '', /--label-order contradiction,entailment,neutral$/);
    }
    const { stdout, stderr } = bertwright('evaluate', '--task', 'mnli', '--model', at('google-unnamed'), '--label-order', googleOrder.join(','));
    assert.equal((JSON.parse(stdout) as Results)['eval_accuracy'], 1, stderr);
    assert.doesNotMatch(stderr, /warning/);
  });
  test('predict takes the flag, and a wrong name exits 2 with the near match', () => {
    const { stdout } = bertwright('predict', '--task', 'ax', '--model', at('google-unnamed'), '--label-order', googleOrder.join(','));
    assert.ok((JSON.parse(stdout) as { prediction: string }[]).every(({ prediction }) => glueTasks.mnli.labels.includes(prediction)), stdout);
    const { stderr, status } = bertwright('predict', '--task', 'ax', '--model', at('google-unnamed'), '--label-order', 'contradiction,entailmnt,neutral');
    assert.equal(status, 2);
    assert.match(stderr, /no label "entailmnt"\. Did you mean "entailment"\?/);
  });
});
