/**
 * Fine-tunes a checkpoint on one task: trains with evaluations in between, brings the best checkpoint back, evaluates and
 * predicts with it, and writes everything into the output directory. The same call on the same directory resumes or does nothing.
 */
import path from 'node:path';
import { adapterWeightsName, readAdapterTensors } from '../src/adapters/adapterFiles.js';
import { weightsFileName } from '../src/checkpoint/modelFiles.js';
import { readSafetensors } from '../src/checkpoint/safetensors.js';
import { type Checkpoint, OutputDirectory } from '../src/checkpoint/outputDirectory.js';
import { readResults } from '../src/checkpoint/results.js';
import { DataError, NonFiniteError } from '../src/data/errors.js';
import { engineInfo, setMatmulPrecision } from '../src/engine/index.js';
import type { SequenceClassificationModel } from '../src/models/index.js';
import { createOptimizer } from '../src/optim/createOptimizer.js';
import type { MomentOptimizer } from '../src/optim/momentOptimizer.js';
import { parameterSettings } from '../src/optim/parameterGroups.js';
import { assignValues } from '../src/ops/assignValues.js';
import { type LoopState, runTraining, type TrainingResult } from '../src/train/loop.js';
import { MetricLog } from '../src/train/metricLog.js';
import { classificationFlops } from '../src/train/modelFlops.js';
import { loadLoopState, saveLoopState } from '../src/train/stateFile.js';
import { trainingBatches } from './batches.js';
import { bestEvaluation, outOfPatience } from './bestCheckpoint.js';
import { classificationLoss } from './classificationLoss.js';
import { classify, evalEntries, score } from './classify.js';
import { type EncodedRow, encodeSplit, type RowBatch } from './encodeSplit.js';
import { finishFinetune } from './finetuneResults.js';
import { type FinetuneJob, prepareFinetune } from './finetuneJob.js';
import { gridPoints } from './grid/points.js';
import { finetuneGrid } from './grid/search.js';
import type { FinetuneOptions, FinetuneResult } from './options.js';

/**
 * Runs a whole fine-tune; a recipe with a grid runs its points one after the other and keeps the best on dev.
 * @throws UsageError (options, names, another run in the directory), DataError (rows, labels, damaged files), BusyError,
 * NonFiniteError (before the update), InterruptedError (after saving), IoError
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  const points = gridPoints(options);
  return points.length > 0 ? finetuneGrid(options, points, finetunePoint) : finetuneOnce(options);
}

/**
 * One point of a search: a single run, which is not tried again where it diverged before, because the same settings would diverge again.
 * Errors are those of `finetune`.
 */
export function finetunePoint(options: FinetuneOptions): Promise<FinetuneResult> {
  return finetuneOnce(options, true);
}

async function finetuneOnce(options: FinetuneOptions, isPoint = false): Promise<FinetuneResult> {
  const job = await prepareFinetune(options);
  const output = await OutputDirectory.open(options.output, {
    kind: 'finetune',
    command: job.command,
    settings: job.settings,
    about: job.about,
    overwrite: options.overwrite,
    acceptChanged: options.acceptChanged,
    note: job.note,
  });
  try {
    if (output.previous?.status === 'complete') {
      job.note(`${options.output} holds this run, complete; nothing to do (--overwrite starts anew)`);
      return { output: options.output, task: job.spec.name, results: await readResults(options.output), alreadyComplete: true };
    }
    if (isPoint && output.previous?.status === 'diverged') throw new NonFiniteError(String(output.previous.about['error']));
    if (options.resume === true && output.previous === undefined) job.note(`nothing to resume in ${options.output}; starting anew`);
    const results = await runFinetune(job, output);
    return { output: options.output, task: job.spec.name, results, alreadyComplete: false };
  } catch (error) {
    if (output.previous?.status !== 'complete') output.recordFailure(error);
    throw error;
  } finally {
    await output.close();
  }
}

interface EncodedSplits {
  readonly train: readonly EncodedRow[];
  readonly dev: readonly (readonly EncodedRow[])[];
}

async function runFinetune(job: FinetuneJob, output: OutputDirectory): Promise<FinetuneResult['results']> {
  const { options, plan, data, tokenizer } = job;
  const precisionBefore = engineInfo().matmulPrecision;
  setMatmulPrecision(job.trainingPrecision);
  const model = await job.loadModel();
  const optimizer = createOptimizer(plan.optimizer, model.trainableParameters(), {
    beta1: plan.adamBeta1,
    beta2: plan.adamBeta2,
    epsilon: plan.adamEpsilon,
    settings: parameterSettings(model.trainableParameters().keys(), {
      weightDecay: plan.weightDecay,
      ...(plan.layerWiseLrDecay === 1 ? {} : { layerWiseLrDecay: plan.layerWiseLrDecay }),
    }),
  });
  try {
    const labelMap = job.labelMap(model);
    const encode = (split: (typeof data.dev)[number]): Promise<EncodedRow[]> => encodeSplit(split, tokenizer, job.maxLength, labelMap, options.signal);
    const encoded: EncodedSplits = { train: await job.encodeTrain(labelMap), dev: await Promise.all(data.dev.map(encode)) };
    const resume = await resumeState(job, output, model);
    const training = await train(job, output, model, optimizer, encoded, labelMap, resume);
    await restoreBest(job, output, model, training);
    return await finishFinetune({ job, output, model, training, encoded, labelMap, encode });
  } finally {
    setMatmulPrecision(precisionBefore);
    optimizer.dispose();
    model.dispose();
  }
}

/** Loads the newest intact checkpoint of an earlier session into the model and returns the rest of its state. */
async function resumeState(job: FinetuneJob, output: OutputDirectory, model: SequenceClassificationModel): Promise<LoopState | undefined> {
  const checkpoint = await output.latestCheckpoint();
  if (checkpoint === undefined) {
    if (output.previous !== undefined) job.note('the earlier run left no checkpoint; starting from the beginning');
    return undefined;
  }
  loadWeights(model, checkpoint);
  const state = await loadLoopState(checkpoint.path);
  job.note(`resuming from step ${state.step} of ${job.plan.totalSteps}`);
  return state;
}

/** Puts the weights of a checkpoint of this same model, or of its adapter, into its variables. */
function loadWeights(model: SequenceClassificationModel, checkpoint: Checkpoint): void {
  const file = path.join(checkpoint.path, model.adapter === undefined ? weightsFileName : adapterWeightsName);
  const tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }> = model.adapter === undefined ? readSafetensors(file) : readAdapterTensors(checkpoint.path);
  for (const [name, variable] of model.trainableParameters()) {
    const found = tensors.get(name);
    if (found === undefined) throw new DataError(`tensor "${name}" is missing`, { location: { file } });
    if (found.data.length !== variable.size) {
      throw new DataError(`tensor "${name}" has shape [${found.shape.join(', ')}], expected [${variable.shape.join(', ')}]`, { location: { file } });
    }
    assignValues(variable, found.data);
  }
}

async function train(
  job: FinetuneJob,
  output: OutputDirectory,
  model: SequenceClassificationModel,
  optimizer: MomentOptimizer,
  encoded: EncodedSplits,
  labelMap: readonly number[] | undefined,
  resume: LoopState | undefined,
): Promise<TrainingResult> {
  const { plan, options, spec, data } = job;
  const log = new MetricLog(output.path, resume?.history ?? []);
  const history = [...(resume?.history ?? [])];
  const countFlops = classificationFlops(model.config, model.numLabels, job.adapter !== undefined);
  const evaluate = async (): Promise<Record<string, number>> => {
    const entries: Record<string, number> = {};
    for (const [i, split] of data.dev.entries()) {
      const rows = encoded.dev[i] ?? [];
      Object.assign(entries, evalEntries(score(spec, await classify(model, rows, plan.perDeviceEvalBatchSize, options.signal), rows, labelMap), split.suffix));
    }
    return entries;
  };
  return runTraining<RowBatch>({
    parameters: model.trainableParameters(),
    optimizer,
    batches: trainingBatches(encoded.train, job.epochs),
    computeLoss: classificationLoss(model, spec, plan.labelSmoothingFactor),
    totalSteps: plan.totalSteps,
    learningRate: plan.learningRate,
    schedule: plan.lrSchedulerType,
    warmupSteps: plan.warmupSteps,
    maxGradNorm: plan.maxGradNorm,
    seed: plan.seed,
    loggingSteps: plan.loggingSteps,
    evalSteps: plan.evalSteps,
    evaluate: plan.evalStrategy === 'no' ? undefined : evaluate,
    shouldStop: () => outOfPatience(history, plan.metricForBestModel, plan.earlyStoppingPatience),
    saveSteps: plan.saveSteps,
    save: async (step, state) => {
      const saved = await output.saveCheckpoint(step, async (temporary) => {
        await job.saveModel(model, temporary);
        await job.saveTokenizer(temporary);
        await saveLoopState(temporary, state);
      });
      const best = plan.loadBestModelAtEnd ? bestEvaluation(state.history, plan.metricForBestModel) : undefined;
      await output.retain(plan.saveTotalLimit, best === undefined ? [] : [best.step]);
      return saved;
    },
    resumeState: resume,
    signal: options.signal,
    progress: options.progress,
    onLog: (entry) => {
      history.push(entry);
      log.append(entry);
    },
    rowIds: (batch) => Array.from(batch.rows, (row) => encoded.train[row]?.index ?? row),
    utilisation: countFlops && { countFlops, peak: job.peak },
  });
}

/** Where a better evaluation lies before the last step, its weights come back. */
async function restoreBest(job: FinetuneJob, output: OutputDirectory, model: SequenceClassificationModel, training: TrainingResult): Promise<void> {
  const { plan } = job;
  const best = plan.loadBestModelAtEnd ? bestEvaluation(training.state.history, plan.metricForBestModel) : undefined;
  if (best === undefined || best.step === training.state.step) return;
  const checkpoint = (await output.checkpoints()).find(({ step }) => step === best.step);
  if (checkpoint === undefined) throw new DataError(`the best checkpoint, checkpoint-${best.step}, is gone`, { location: { file: output.path }, hint: 'start anew with --overwrite' });
  loadWeights(model, checkpoint);
  job.note(`the best ${plan.metricForBestModel}, ${best.value.toFixed(4)}, was at step ${best.step}; its weights are taken`);
}
