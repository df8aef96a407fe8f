/**
 * Pretrains an encoder on a text corpus: masked words and next sentences (Devlin et al., 2019), with evaluations on held-out documents
 * in between. The same call on the same directory resumes or does nothing. Writes a checkpoint directory in Hugging Face layout.
 */
import path from 'node:path';
import { OutputDirectory } from '../src/checkpoint/outputDirectory.js';
import { type Results, readResults } from '../src/checkpoint/results.js';
import type { JsonValue } from '../src/checkpoint/trainingState.js';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import type { PretrainingBatch } from '../src/data/pretrainingBatch.js';
import { engineInfo, setMatmulPrecision } from '../src/engine/index.js';
import { AutoModelForPreTraining, parameterCount, type PreTrainingModel } from '../src/models/index.js';
import { createOptimizer } from '../src/optim/createOptimizer.js';
import { parameterSettings } from '../src/optim/parameterGroups.js';
import { type LossResult, type TrainingResult, runTraining } from '../src/train/loop.js';
import { MetricLog, RateLog, trainerStateJson } from '../src/train/metricLog.js';
import { pretrainingFlops } from '../src/train/modelFlops.js';
import { loadLoopState, saveLoopState } from '../src/train/stateFile.js';
import { meanUtilisation } from '../src/train/throughput.js';
import type { LoopState } from '../src/train/types.js';
import type { ForwardContext } from '../src/encoder/types.js';
import type { ExampleBatch } from './batches.js';
import { HeldOutEvaluation, type PretrainingMetrics, countCorrect, metricWarnings } from './evaluate.js';
import { type PretrainJob, type StartedBatches, preparePretraining, startBatches } from './job.js';
import { pretrainingCard } from './modelCard.js';
import type { PretrainOptions, PretrainResult } from './options.js';
import { stageExamples, stageMasking, type StagePlan } from './plan.js';

export type { PretrainOptions, PretrainResult } from './options.js';

/**
 * Runs a whole pretraining.
 * @throws UsageError (options, names, another run in the directory), DataError (corpus, damaged files), BusyError,
 * NonFiniteError (before the update), InterruptedError (after saving), IoError
 */
export async function pretrain(options: PretrainOptions): Promise<PretrainResult> {
  const job = await preparePretraining(options);
  let model = job.model;
  const precisionBefore = engineInfo().matmulPrecision;
  try {
    const output = await OutputDirectory.open(options.output, {
      kind: 'pretrain',
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
        return { output: options.output, results: await readResults(options.output), alreadyComplete: true };
      }
      if (options.resume === true && output.previous === undefined) job.note(`nothing to resume in ${options.output}; starting anew`);
      const checkpoint = await output.latestCheckpoint();
      let resumed: LoopState | undefined;
      if (checkpoint !== undefined) {
        model.dispose();
        model = await AutoModelForPreTraining.fromPretrained(checkpoint.path, { seed: job.plan.seed });
        resumed = await loadLoopState(checkpoint.path);
        job.note(`resuming from step ${resumed.step}`);
      } else if (output.previous !== undefined) job.note('the earlier run left no checkpoint; starting from the beginning');
      const started = await startBatches(job, output.path, output.previous === undefined, resumed?.step ?? 0);
      try {
        return { output: options.output, results: await run(job, started, output, model, resumed), alreadyComplete: false };
      } finally {
        await started.close();
      }
    } catch (error) {
      if (output.previous?.status !== 'complete') output.recordFailure(error);
      throw error;
    } finally {
      await output.close();
    }
  } finally {
    setMatmulPrecision(precisionBefore);
    model.dispose();
  }
}

/**
 * Loss of one micro-batch, weighted so that a step's micro-batches sum to the mean over all its masked tokens and over all its sequences.
 * The metrics are the two losses in the same weighting, and counts.
 */
export function pretrainingLoss(model: PreTrainingModel): (batch: PretrainingBatch, context: ForwardContext, all: readonly PretrainingBatch[]) => LossResult {
  return (batch, context, all) => {
    const masked = all.reduce((sum, { maskedLabels }) => sum + maskedLabels.length, 0);
    const sequences = all.reduce((sum, { cuSeqlens }) => sum + cuSeqlens.length - 1, 0);
    const { loss, mlm, nspLoss, nspLogits } = model.packedLoss(batch, context, { mlmScale: 1 / masked, nspScale: 1 / sequences });
    const [mlmLoss = 0, correct = 0] = mlm.dataSync();
    const metrics: Record<string, number> = { mlm_loss: mlmLoss, mlm_correct: correct, masked: batch.maskedLabels.length };
    if (batch.nextSentenceLabels !== undefined) {
      metrics['nsp_loss'] = nspLoss.dataSync()[0] ?? 0;
      metrics['nsp_correct'] = countCorrect(nspLogits.dataSync(), batch.nextSentenceLabels);
      metrics['pairs'] = batch.nextSentenceLabels.length;
    }
    return { loss, metrics };
  };
}

/** Log values of a window of steps: mean losses per step, accuracies over the window. */
function summarize(sums: Readonly<Record<string, number>>, steps: number): Record<string, number> {
  const of = (name: string): number => sums[name] ?? 0;
  const entry: Record<string, number> = { loss: of('loss') / steps, mlm_loss: of('mlm_loss') / steps, mlm_accuracy: of('mlm_correct') / Math.max(1, of('masked')) };
  return sums['pairs'] === undefined ? entry : { ...entry, nsp_loss: of('nsp_loss') / steps, nsp_accuracy: of('nsp_correct') / of('pairs') };
}

/** The evaluations of a run, made as they are needed: a model is measured at the length that it was last trained on. */
class StageEvaluations {
  readonly #job: PretrainJob;
  readonly #started: StartedBatches;
  readonly #made = new Map<number, HeldOutEvaluation>();

  constructor(job: PretrainJob, started: StartedBatches) {
    this.#job = job;
    this.#started = started;
  }

  /** The evaluation after `step` steps. */
  after(step: number): HeldOutEvaluation {
    const { stage } = this.#started.schedule.at(Math.max(0, step - 1));
    const made = this.#made.get(stage) ?? this.#make(this.#job.plan.stages[stage] as StagePlan);
    this.#made.set(stage, made);
    return made;
  }

  #make(stage: StagePlan): HeldOutEvaluation {
    const { plan, corpus, vocabulary } = this.#job;
    return new HeldOutEvaluation({ corpus, examples: stageExamples(plan, stage), masking: stageMasking(plan.evalMasking, stage), vocabulary, batchSize: plan.evalBatchSize, maxSamples: plan.maxEvalSamples });
  }
}

async function run(job: PretrainJob, started: StartedBatches, output: OutputDirectory, model: PreTrainingModel, resumed: LoopState | undefined): Promise<Results> {
  const { plan, length, options, corpus } = job;
  const heldOut = corpus.heldOutDocuments.length === 0 ? undefined : new StageEvaluations(job, started);
  if (heldOut === undefined) job.note('no document is held out (too few, or --validation-split-percentage 0): nothing is evaluated');
  const optimizer = createOptimizer(plan.optimizer, model.namedParameters(), {
    beta1: plan.adamBeta1,
    beta2: plan.adamBeta2,
    epsilon: plan.adamEpsilon,
    settings: parameterSettings(model.namedParameters().keys(), { weightDecay: plan.weightDecay }),
  });
  const log = new MetricLog(output.path, resumed?.history ?? []);
  let evaluated: Evaluated | undefined;
  const evaluate = async (evaluations: StageEvaluations, step: number): Promise<Evaluated> => {
    const startedAt = performance.now();
    const evaluation = evaluations.after(step);
    const metrics = await evaluation.run(model, options.signal);
    return { step, metrics, samples: evaluation.samples, seconds: Math.max(1e-9, (performance.now() - startedAt) / 1000) };
  };
  try {
    setMatmulPrecision(job.trainingPrecision);
    const countFlops = pretrainingFlops(model.config);
    const training = await runTraining<ExampleBatch>({
      parameters: model.namedParameters(),
      optimizer,
      batches: started.batches,
      computeLoss: pretrainingLoss(model),
      totalSteps: length.totalSteps,
      learningRate: plan.learningRate,
      schedule: plan.schedule,
      scheduleFloor: plan.minLrRatio,
      warmupSteps: plan.warmup,
      maxGradNorm: plan.maxGradNorm,
      seed: plan.seed,
      loggingSteps: length.loggingSteps,
      evalSteps: length.evalSteps,
      evaluate:
        heldOut === undefined
          ? undefined
          : async (step) => {
              evaluated = await evaluate(heldOut, step);
              setMatmulPrecision(job.trainingPrecision);
              return { ...evaluated.metrics };
            },
      saveSteps: length.saveSteps,
      save: async (step, state) => {
        const saved = await output.saveCheckpoint(step, async (temporary) => {
          await model.savePretrained(temporary);
          await job.tokenizer.save(temporary);
          await saveLoopState(temporary, state);
        });
        await output.retain(options.saveTotalLimit ?? 2);
        return saved;
      },
      resumeState: resumed,
      signal: options.signal,
      progress: options.progress,
      summarize,
      utilisation: countFlops && { countFlops, peak: job.peak },
      timeBudgetSeconds: plan.timeBudgetSeconds,
      rateRecord: plan.timeBudgetSeconds === undefined ? undefined : new RateLog(output.path),
      onLog: (entry) => log.append(entry),
      rowIds: (batch) => batch.examples,
    });
    // A run that was killed between its last step and its results has yet to evaluate.
    if (heldOut !== undefined && evaluated?.step !== training.state.step) evaluated = await evaluate(heldOut, training.state.step);
    return await finish(job, started, output, model, training, evaluated);
  } finally {
    optimizer.dispose();
  }
}

interface Evaluated {
  readonly step: number;
  readonly metrics: PretrainingMetrics;
  readonly samples: number;
  readonly seconds: number;
}

/** Writes the model, its results and its card, and marks the run complete. */
async function finish(job: PretrainJob, started: StartedBatches, output: OutputDirectory, model: PreTrainingModel, training: TrainingResult, evaluated: Evaluated | undefined): Promise<Results> {
  const { plan, length, environment: found } = job;
  const { state } = training;
  const utilisation = meanUtilisation(state.history);
  const seconds = Math.max(1e-9, state.elapsedSeconds);
  const epoch = started.batches.epochsAfter(state.step);
  const trainResults = {
    epoch,
    steps: state.step,
    train_loss: training.trainLoss,
    train_runtime: seconds,
    train_samples: job.sources[0]?.examplesPerEpoch ?? 0,
    train_samples_per_second: state.samplesSeen / seconds,
    train_steps_per_second: state.step / seconds,
    train_tokens: state.tokensSeen,
    train_tokens_per_second: state.tokensSeen / seconds,
    data_wait: training.dataWait,
    ...(utilisation === undefined ? {} : { train_mfu: utilisation }),
  };
  const evalResults = evaluated && { ...evaluated.metrics, eval_samples: evaluated.samples, eval_runtime: evaluated.seconds, eval_samples_per_second: evaluated.samples / evaluated.seconds };
  const warnings = evaluated === undefined ? ['no document was held out: nothing was evaluated'] : metricWarnings(evaluated.metrics);
  for (const warning of warnings) job.note(`warning: ${warning}`);
  const results: { [key: string]: JsonValue } = {
    kind: 'pretraining',
    model: path.basename(path.resolve(job.options.output)),
    seed: plan.seed,
    ...trainResults,
    ...evalResults,
    next_sentence: plan.examples.nextSentence,
    parameters: parameterCount(model),
    engine: found.engine,
    precision: job.trainingPrecision,
    peak_gflops: job.peak.gflops,
    threads: found.threads,
    machine: found.machine,
    versions: found.versions,
    warnings,
  };
  await model.savePretrained(output.path);
  await job.tokenizer.save(output.path);
  output.writeJson('train_results.json', trainResults);
  if (evalResults !== undefined) output.writeJson('eval_results.json', { epoch, ...evalResults });
  writeFileAtomic(
    path.join(output.path, 'trainer_state.json'),
    trainerStateJson({
      globalStep: state.step,
      maxSteps: Number.isFinite(length.totalSteps) ? length.totalSteps : state.step,
      epoch,
      numTrainEpochs: Math.ceil(epoch),
      loggingSteps: length.loggingSteps,
      evalSteps: length.evalSteps,
      saveSteps: length.saveSteps,
      trainBatchSize: plan.batchSize,
      history: state.history,
    }),
  );
  writeFileAtomic(path.join(output.path, 'README.md'), pretrainingCard(job, model, results));
  output.writeJson('all_results.json', results);
  output.setStatus('complete', { finishedAt: new Date().toISOString() });
  if (job.options.saveTotalLimit === undefined) await output.removeCheckpoints();
  return results;
}
