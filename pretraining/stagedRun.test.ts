/** Whole runs with stages, budgets of tokens and batches made ahead: the same weights as without the thread, and exact resumes in any stage. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { UsageError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import type { ProgressEvent } from '../src/train/types.js';
import { type PretrainOptions, type PretrainResult, pretrain } from './pretrain.js';
import { prepare } from './prepare.js';
import { inventedText, temporaryFolder, testTokenizer, writeText } from './testing/inventedText.js';

const folder = temporaryFolder();
const data = path.join(folder, 'data');
const modelConfig = { hiddenSize: 24, numHiddenLayers: 1, numAttentionHeads: 3, intermediateSize: 48, maxPositionEmbeddings: 64 };
const stages = [{ maxSeqLength: 24, share: 0.75 }, { maxSeqLength: 60, share: 0.25 }];

before(async () => {
  await setEngine('auto');
  await prepare({ corpus: [writeText(folder, 'text.txt', inventedText(80, 12))], tokenizer: testTokenizer(), output: data, maxSeqLength: 24, validationSplitPercentage: 10 });
});

function run(output: string, changes: Partial<PretrainOptions> = {}): Promise<PretrainResult> {
  return pretrain({ data, modelConfig, output: path.join(folder, output), seed: 3, maxSteps: 12, tokensPerBatch: 130, gradientAccumulationSteps: 2, saveSteps: 1000, ...changes });
}

const file = (output: string, name: string): string => readFileSync(path.join(folder, output, name), 'utf8');
const weights = (output: string): Buffer => readFileSync(path.join(folder, output, 'model.safetensors'));

test('batches made ahead in a worker thread give the weights of those made in this thread', async () => {
  const here = await run('here', { stages, prefetch: false });
  const there = await run('there', { stages, prefetch: true });
  assert.deepEqual(weights('there'), weights('here'));
  assert.equal(there.results['eval_loss'], here.results['eval_loss']);
  for (const { results } of [here, there]) assert.ok(Number(results['data_wait']) >= 0 && Number(results['data_wait']) < 1);
});

test('a run that crashed in its first stage, at the edge or in its second ends bit for bit the same', async () => {
  const whole = await run('whole', { stages });
  for (const crashAt of [3, 9, 11]) {
    const output = `crashed-${crashAt}`;
    const progress = (event: ProgressEvent): void => {
      if (event.type === 'step' && event.step === crashAt) throw new Error('crash');
    };
    // A save at steps 2, 8 and 10.
    const saveSteps = crashAt - 1;
    await assert.rejects(run(output, { stages, progress, saveSteps, prefetch: true }), /crash/);
    assert.ok(existsSync(path.join(folder, output, `checkpoint-${saveSteps}`)));
    const { results } = await run(output, { stages, saveSteps, prefetch: crashAt === 9 });
    assert.deepEqual(weights(output), weights('whole'), `crashed at ${crashAt}`);
    for (const key of ['train_tokens', 'epoch', 'eval_loss', 'eval_nsp_accuracy']) assert.equal(results[key], whole.results[key], key);
  }
});

test('a stage changes the length of the examples; a number of sequences is scaled to the same tokens', async () => {
  // Tokens a sequence, mean since the start.
  const lengths: number[] = [];
  const progress = (event: ProgressEvent): void => {
    if (event.type === 'step') lengths.push(event.tokensPerSecond / event.samplesPerSecond);
  };
  const { results } = await run('sequences', { stages, tokensPerBatch: undefined, perDeviceTrainBatchSize: 10, progress });
  const record = JSON.parse(file('sequences', 'run.json')) as { settings: { stages: { maxSeqLength: number; batchSize: number }[] } };
  assert.deepEqual(record.settings.stages.map(({ batchSize }) => batchSize), [10, 4]);
  assert.ok(Math.abs(Number(results['train_samples_per_second']) * Number(results['train_runtime']) - (9 * 20 + 3 * 8)) < 1e-6);
  assert.equal(lengths.length, 12);
  assert.ok((lengths[8] ?? 99) <= 24 && (lengths[11] ?? 0) > (lengths[8] ?? 99), lengths.join(' '));
});

test('under a time budget the stages begin when their time has come, and a resumed run repeats steps with their batches', { timeout: 60_000 }, async () => {
  const losses: number[][] = [[], []];
  const crash = (event: ProgressEvent): void => {
    if (event.type !== 'step') return;
    losses[0]?.push(event.loss);
    if (!existsSync(path.join(folder, 'timed', 'stages.json'))) return;
    const { starts } = JSON.parse(file('timed', 'stages.json')) as { starts: number[] };
    if (event.step > (starts[1] ?? Number.POSITIVE_INFINITY) + 1) throw new Error('crash');
  };
  const timed: Partial<PretrainOptions> = { stages, maxSteps: undefined, timeBudgetSeconds: 4, prefetch: true };
  await assert.rejects(run('timed', { ...timed, progress: crash }), /crash/);
  const { starts } = JSON.parse(file('timed', 'stages.json')) as { starts: number[] };
  assert.equal(starts.length, 2);
  const { results } = await run('timed', { ...timed, progress: (event) => event.type === 'step' && losses[1]?.push(event.loss) });
  const repeated = losses[0]?.length ?? 0;
  assert.ok(repeated > (starts[1] ?? 0));
  assert.deepEqual(losses[1]?.slice(0, repeated), losses[0]);
  assert.deepEqual(JSON.parse(file('timed', 'stages.json')), { starts });
  assert.ok(Number(results['steps']) >= repeated);
});

test('what MosaicBERT was trained with can be written: 30% masked, its AdamW, a rate that comes down to 2%', async () => {
  const rates: number[] = [];
  await run('mosaic', {
    stages: undefined,
    mlmProbability: 0.3,
    nextSentence: 'none',
    learningRate: 5e-4,
    adamBeta1: 0.9,
    adamBeta2: 0.98,
    adamEpsilon: 1e-6,
    weightDecay: 1e-5,
    warmupRatio: 0.06,
    minLrRatio: 0.02,
    maxSteps: 40,
    tokensPerBatch: 48,
    gradientAccumulationSteps: 1,
    progress: (event) => event.type === 'step' && rates.push(event.learningRate),
  });
  // Three steps of warm-up, then a line from 1 at step 3 to 0.02 after step 40.
  rates.forEach((rate, step) => {
    const factor = step < 3 ? step / 3 : 0.02 + 0.98 * (1 - (step - 3) / 37);
    assert.ok(Math.abs(rate - 5e-4 * factor) < 1e-12, `step ${step}: ${rate}`);
  });
  const { settings } = JSON.parse(file('mosaic', 'run.json')) as { settings: Record<string, unknown> };
  assert.deepEqual([settings['minLrRatio'], settings['adamBeta2'], settings['adamEpsilon']], [0.02, 0.98, 1e-6]);
  assert.equal((settings['masking'] as Record<string, unknown>)['mlmProbability'], 0.3);
});

test('stages and floors that make no sense are refused before anything is written', async () => {
  const cases: [Partial<PretrainOptions>, string][] = [
    [{ stages, maxSeqLength: 24 }, '--max-seq-length and --stages'],
    [{ stages: [{ maxSeqLength: 24, share: 0.5 }] }, 'sum to 0.5'],
    [{ stages: [{ maxSeqLength: 24, share: 0.5 }, { maxSeqLength: 65, share: 0.5 }] }, 'only 64 positions'],
    [{ stages, tokensPerBatch: 59 }, 'at least 60'],
    [{ minLrRatio: 1.5 }, 'min-lr-ratio is 1.5'],
  ];
  for (const [changes, named] of cases) await assert.rejects(run('refused', changes), (error) => error instanceof UsageError && error.message.includes(named), named);
  assert.ok(!existsSync(path.join(folder, 'refused')));
});
