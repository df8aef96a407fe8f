/** The end of a fine-tune: final evaluation, predictions, and the files of the checkpoint directory. */
import path from 'node:path';
import { majorityBaseline } from '../glue/baselines.js';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import type { OutputDirectory } from '../src/checkpoint/outputDirectory.js';
import { parameterCount, type SequenceClassificationModel, trainableCount } from '../src/models/index.js';
import type { TrainingResult } from '../src/train/loop.js';
import { trainerStateJson } from '../src/train/metricLog.js';
import { meanUtilisation } from '../src/train/throughput.js';
import { adapterTitle } from './adapterChoice.js';
import { bestEvaluation } from './bestCheckpoint.js';
import { type ClassifierOutput, classify, evalEntries, score } from './classify.js';
import type { EncodedRow } from './encodeSplit.js';
import { type FinetuneJob, labelNames } from './finetuneJob.js';
import { modelCard } from './modelCard.js';
import type { Results } from './options.js';
import { toPredictions, writePredictionFiles } from './predictions.js';
import type { TaskSplit } from './taskSpec.js';

export interface FinishedFinetune {
  readonly job: FinetuneJob;
  readonly output: OutputDirectory;
  /** With the weights that are to stay. */
  readonly model: SequenceClassificationModel;
  readonly training: TrainingResult;
  readonly encoded: { readonly train: readonly EncodedRow[]; readonly dev: readonly (readonly EncodedRow[])[] };
  readonly labelMap: readonly number[] | undefined;
  encode(split: TaskSplit): Promise<EncodedRow[]>;
}

/** Writes model, predictions, results, card; marks the run complete; returns all_results.json. */
export async function finishFinetune(finished: FinishedFinetune): Promise<Results> {
  const { job, output, model, training } = finished;
  const { plan } = job;
  const trainResults = resultsOfTraining(finished);
  const evalResults = await evaluateAll(finished);
  await predictTests(finished);
  const results: Results = { ...describe(finished), ...trainResults, ...evalResults };
  await job.saveModel(model, output.path);
  await job.saveTokenizer(output.path);
  output.writeJson('train_results.json', trainResults);
  if (Object.keys(evalResults).length > 0) output.writeJson('eval_results.json', { epoch: trainResults['epoch'] ?? 0, ...evalResults });
  const best = plan.loadBestModelAtEnd ? bestEvaluation(training.state.history, plan.metricForBestModel) : undefined;
  writeFileAtomic(
    path.join(output.path, 'trainer_state.json'),
    trainerStateJson({
      bestMetric: best?.value,
      bestModelCheckpoint: best === undefined ? undefined : `checkpoint-${best.step}`,
      globalStep: training.state.step,
      maxSteps: plan.totalSteps,
      epoch: job.epochs.epochsAfter(training.state.step),
      numTrainEpochs: plan.numTrainEpochs,
      loggingSteps: plan.loggingSteps,
      evalSteps: plan.evalSteps,
      saveSteps: plan.saveSteps,
      trainBatchSize: plan.perDeviceTrainBatchSize,
      history: training.state.history,
    }),
  );
  writeFileAtomic(path.join(output.path, 'README.md'), modelCard(job.spec, plan, results, job.command));
  output.writeJson('all_results.json', results);
  output.setStatus('complete', { finishedAt: new Date().toISOString() });
  if (job.options.saveTotalLimit === undefined && (job.options.saveStrategy ?? 'no') === 'no') await output.removeCheckpoints();
  return results;
}

/** What identifies the run, for reports. */
function describe({ job, model }: FinishedFinetune): Results {
  const { spec, environment: found } = job;
  return {
    task: spec.name,
    model: job.modelName,
    init: job.options.init ?? 'checkpoint',
    seed: job.plan.seed,
    recipe: job.plan.recipe,
    engine: found.engine,
    precision: job.trainingPrecision,
    threads: found.threads,
    machine: found.machine,
    versions: found.versions,
    parameters: parameterCount(model),
    ...(job.adapter === undefined ? {} : { adapter: adapterTitle(job.adapter), trainable_parameters: trainableCount(model) }),
  };
}

function resultsOfTraining({ job, training }: FinishedFinetune): Results {
  const { state } = training;
  const seconds = Math.max(1e-9, state.elapsedSeconds);
  const official = job.data.train.officialRows;
  const utilisation = meanUtilisation(state.history);
  return {
    epoch: job.epochs.epochsAfter(state.step),
    train_loss: training.trainLoss,
    train_runtime: seconds,
    train_samples: job.data.train.examples.length,
    train_samples_per_second: state.samplesSeen / seconds,
    train_steps_per_second: state.step / seconds,
    train_tokens_per_second: state.tokensSeen / seconds,
    ...(utilisation === undefined ? {} : { train_mfu: utilisation }),
    peak_gflops: job.peak.gflops,
    ...(official === undefined ? {} : { official_train_rows: official }),
    ...(job.data.train.skipped === 0 ? {} : { train_rows_skipped: job.data.train.skipped }),
  };
}

async function evaluateAll(finished: FinishedFinetune): Promise<Results> {
  const { job, model, encoded, labelMap } = finished;
  const { spec, plan, data } = job;
  const entries: Record<string, number | readonly string[]> = {};
  for (const [i, split] of data.dev.entries()) {
    const rows = encoded.dev[i] ?? [];
    const started = performance.now();
    const output = await classify(model, rows, plan.perDeviceEvalBatchSize, job.options.signal);
    const seconds = (performance.now() - started) / 1000;
    const scores = score(spec, output, rows, labelMap);
    Object.assign(entries, evalEntries(scores, split.suffix));
    entries[`eval_samples${split.suffix}`] = rows.length;
    entries[`eval_runtime${split.suffix}`] = seconds;
    entries[`eval_samples_per_second${split.suffix}`] = rows.length / Math.max(1e-9, seconds);
    if (scores.undefinedMetrics.length > 0) entries[`undefined_metrics${split.suffix}`] = scores.undefinedMetrics;
    if (split.officialRows !== undefined) entries[`official_eval_rows${split.suffix}`] = split.officialRows;
    Object.assign(entries, majorityEntries(finished, split));
    await writePredictions(finished, split, rows, output, false);
  }
  return entries;
}

/** What always predicting the commonest training label (or the mean score) gets on the same rows: majority_<metric>, and majority_prediction. */
function majorityEntries({ job }: FinishedFinetune, split: TaskSplit): Record<string, number> {
  const { spec, data } = job;
  const labelsOf = (examples: readonly { readonly label?: number | undefined }[]): number[] => examples.flatMap(({ label }) => (label === undefined ? [] : [label]));
  const { metrics, prediction } = majorityBaseline(spec, labelsOf(data.train.examples), labelsOf(split.examples));
  return {
    ...Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`majority_${name}${split.suffix}`, value])),
    majority_prediction: prediction,
  };
}

async function predictTests(finished: FinishedFinetune): Promise<void> {
  const { job, model } = finished;
  if (job.options.doPredict === false) return;
  for (const split of job.data.test) {
    const rows = await finished.encode(split);
    const output = await classify(model, rows, job.plan.perDeviceEvalBatchSize, job.options.signal);
    await writePredictions(finished, split, rows, output, true);
  }
}

async function writePredictions({ job, output, model }: FinishedFinetune, split: TaskSplit, rows: readonly EncodedRow[], classified: ClassifierOutput, table: boolean): Promise<void> {
  const predictions = toPredictions(classified, rows, job.spec.kind === 'regression' ? undefined : labelNames(model), !table);
  await writePredictionFiles(output.path, job.spec, split, predictions, table);
}
