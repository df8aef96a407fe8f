/**
 * The quickstart: the whole chain on the data shipped in scripts/quickstart/data. Trains a vocabulary, pretrains a tiny encoder,
 * fine-tunes it on every task whose rows may be shipped, and writes the report. Every number in the report is what this run measured.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeReport } from '../../glue/report/writeReport.js';
import { glueTasks } from '../../glue/tasks.js';
import { fillMask } from '../../pretraining/fill.js';
import { prepare } from '../../pretraining/prepare.js';
import { pretrain } from '../../pretraining/pretrain.js';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
import { engineInfo } from '../../src/engine/index.js';
import { BertTokenizer, trainVocabulary } from '../../src/tokenizer/index.js';
import { createProgress } from '../../src/train/progress.js';
import { runSuite } from '../../tasks/suite.js';
import { createCountProgress } from '../cli/countProgress.js';
import { engineLine } from '../cli/engine.js';
import { createSuiteProgress } from '../cli/suiteProgress.js';
import { terminalText } from '../cli/terminalText.js';
import { estimateSeconds } from './estimate.js';
import { nativePlan, type QuickstartPlan, quickstartTasks, smallPlan } from './plan.js';

/** Where the shipped data lies, in a clone and in an installed package alike. */
export const quickstartData = fileURLToPath(new URL('../../../scripts/quickstart/data', import.meta.url));

export interface QuickstartOptions {
  readonly output: string;
  readonly seed: number;
  readonly quiet: boolean;
  readonly overwrite: boolean;
  readonly command: string;
  readonly signal: AbortSignal;
  /** Default: by engine. */
  readonly plan?: QuickstartPlan | undefined;
}

export interface QuickstartResult {
  readonly report: string;
  readonly markdown: string;
  readonly seconds: number;
}

/** A sentence with a gap, to look at what pretraining has learned. */
const probe = 'she looked at [MASK] and said nothing .';

/** Runs the chain; what an earlier, cut run of the same settings finished is kept. */
export async function quickstart(options: QuickstartOptions): Promise<QuickstartResult> {
  const started = performance.now();
  const say = (text: string): void => {
    if (!options.quiet) console.error(text);
  };
  const info = engineInfo();
  const plan = options.plan ?? (info.engine === 'wasm' || info.engine === 'cpu' ? smallPlan : nativePlan);
  say(engineLine(info));
  say(`estimate: ${aboutTime(await estimateSeconds(plan, quickstartData, quickstartTasks))} on this machine (from timed training steps)`);

  const folder = (name: string): string => path.join(options.output, name);
  const corpus = [path.join(quickstartData, 'corpus', 'novels.txt')];

  say('1/4 vocabulary');
  const tokenizer = await vocabulary(plan, corpus, folder('tokenizer'), options);

  say('2/4 pretraining');
  await pretrainTiny(plan, tokenizer, corpus, options);
  for (const { token, score } of ((await fillMask(folder('tiny'), probe, 3))[0] ?? [])) {
    say(`  "${probe}" -> ${terminalText(token)} (${(score * 100).toFixed(1)} %)`);
  }

  say(`3/4 fine-tuning on ${quickstartTasks.map((task) => glueTasks[task].title).join(', ')}`);
  const { finetuning } = plan;
  const suite = await runSuite({
    models: [folder('tiny')],
    tasks: quickstartTasks,
    seeds: [options.seed],
    data: path.join(quickstartData, 'glue'),
    output: folder('glue'),
    overwrite: options.overwrite,
    maxTrainSamples: finetuning.maxTrainSamples,
    maxEvalSamples: finetuning.maxEvalSamples,
    numTrainEpochs: finetuning.epochs,
    perDeviceTrainBatchSize: finetuning.batchSize,
    learningRate: finetuning.learningRate,
    maxSeqLength: finetuning.maxSeqLength,
    doPredict: false,
    command: options.command,
    signal: options.signal,
    progress: createSuiteProgress({ stream: process.stderr, quiet: options.quiet }),
  });
  for (const run of suite.runs) if (run.status === 'failed') say(`  ${run.task} failed: ${run.error ?? 'see its log'}`);

  say('4/4 report');
  const files = await writeReport([folder('tiny'), folder('glue')], {
    output: options.output,
    published: ['bert-tiny', 'bert-base'],
    title: 'bertwright quickstart: a tiny encoder, trained in minutes',
  });
  return { report: files.html, markdown: files.markdown, seconds: (performance.now() - started) / 1000 };
}

/** Tens of seconds up to three minutes, whole minutes beyond. */
function aboutTime(seconds: number): string {
  return seconds < 180 ? `about ${Math.max(10, Math.round(seconds / 10) * 10)} s` : `about ${Math.round(seconds / 60)} min`;
}

/** The tokenizer of this plan, trained unless an earlier run of the same plan left it. */
async function vocabulary(plan: QuickstartPlan, corpus: string[], folder: string, options: QuickstartOptions): Promise<BertTokenizer> {
  const settingsFile = path.join(folder, 'quickstart.json');
  const settings = JSON.stringify({ vocabSize: plan.vocabSize });
  const earlier = options.overwrite ? undefined : await readFile(settingsFile, 'utf8').catch(() => undefined);
  if (earlier === settings) return BertTokenizer.fromPretrained(folder);
  const progress = createCountProgress('vocabulary', options.quiet);
  const vocab = await trainVocabulary({ files: corpus, vocabSize: plan.vocabSize, lowercase: true, minFrequency: 2, onProgress: progress.report, signal: options.signal });
  progress.end();
  const tokenizer = BertTokenizer.fromVocab(vocab, { lowercase: true });
  await tokenizer.save(folder);
  await writeFileAtomic(settingsFile, settings);
  return tokenizer;
}

async function pretrainTiny(plan: QuickstartPlan, tokenizer: BertTokenizer, corpus: string[], options: QuickstartOptions): Promise<void> {
  const { steps, batchSize, maxSeqLength, learningRate, evalSteps, evalSamples } = plan.pretraining;
  const data = path.join(options.output, 'prepared');
  const progress = createCountProgress('prepare', options.quiet);
  // 5 % of the documents: with 1 % of 158 chapters there would be one or two, too few to measure on.
  await prepare({
    corpus, tokenizer, output: data, maxSeqLength, validationSplitPercentage: 5, overwrite: options.overwrite, signal: options.signal,
    progress: ({ bytes, totalBytes }) => progress.report({ stage: 'tokenizing', done: bytes, total: totalBytes }),
  });
  progress.end();
  await pretrain({
    data,
    modelConfig: plan.modelConfig,
    output: path.join(options.output, 'tiny'),
    seed: options.seed,
    maxSteps: steps,
    perDeviceTrainBatchSize: batchSize,
    learningRate,
    evalSteps,
    maxEvalSamples: evalSamples,
    overwrite: options.overwrite,
    command: options.command,
    signal: options.signal,
    progress: createProgress({ stream: process.stderr, quiet: options.quiet }),
  });
}
