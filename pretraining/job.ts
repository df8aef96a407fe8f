/** Everything a pretraining run needs before its first step: corpus, tokenizer, model, plan, and what is recorded about it. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Settings } from '../src/checkpoint/outputDirectory.js';
import { configToJson } from '../src/config/index.js';
import { UsageError } from '../src/data/errors.js';
import { mixKey } from '../src/data/random.js';
import { engineInfo, resolveMatmulPrecision } from '../src/engine/index.js';
import { parameterCount, type PreTrainingModel } from '../src/models/index.js';
import { AutoTokenizer, type TextTokenizer } from '../src/tokenizer/index.js';
import { describeSettings } from '../src/train/describeSettings.js';
import { ensureEngine } from '../src/train/ensureEngine.js';
import { type Environment, environment } from '../src/train/environment.js';
import { refuseBeyondMemory } from '../src/train/memoryCheck.js';
import { measurePeakFlops, type PeakFlops, peakText } from '../src/train/peakFlops.js';
import { PretrainingBatches, type PretrainingVocabulary, pretrainingVocabulary } from './batches.js';
import type { SharedBatchOptions } from './batchWorker.js';
import { type PreparedCorpus, type PreparedManifest, openPrepared } from './manifest.js';
import type { PretrainOptions } from './options.js';
import { checkModelConfig, describeBatch, type PretrainLength, type PretrainPlan, planLength, planPretrain, stageExamples, stageMasking } from './plan.js';
import { PrefetchedBatches, stepsAhead } from './prefetch.js';
import { prepare } from './prepare.js';
import { inThisThread, RunBatches, stepsPerPass } from './runBatches.js';
import { StageFile, StageSchedule } from './stages.js';
import { createModel, modelHash } from './startModel.js';

export interface PretrainJob {
  readonly options: PretrainOptions;
  readonly plan: PretrainPlan;
  readonly length: PretrainLength;
  readonly corpus: PreparedCorpus;
  readonly tokenizer: TextTokenizer;
  readonly vocabulary: PretrainingVocabulary;
  /** What the batches of each stage are made with, and what makes them. */
  readonly stageOptions: readonly SharedBatchOptions[];
  readonly sources: readonly PretrainingBatches[];
  /** The model before the first step; the caller disposes it. */
  readonly model: PreTrainingModel;
  readonly environment: Environment;
  readonly trainingPrecision: 'highest' | 'bf16';
  /** Of this machine in that precision. */
  readonly peak: PeakFlops;
  readonly command: string;
  /** What decides the result. */
  readonly settings: Settings;
  readonly about: Settings;
  readonly note: (text: string) => void;
}

/** Loads or prepares the corpus, makes the model and resolves the plan. Errors as `pretrain`'s. */
export async function preparePretraining(options: PretrainOptions): Promise<PretrainJob> {
  const note = (text: string): void => options.progress?.({ type: 'note', text });
  if (options.model !== undefined && options.modelConfig !== undefined) throw new UsageError('both --model and --model-config are given; expected one of them');
  if (options.model !== undefined && options.configOverrides !== undefined) {
    throw new UsageError('both --model and --config-overrides are given', { hint: 'The weights of a checkpoint fit its own configuration only; overrides are for a model from random weights.' });
  }
  // Wrong names are told before a long corpus is prepared.
  checkModelConfig(options.modelConfig);
  const sha256 = options.model === undefined ? '' : await modelHash(options.model);
  await ensureEngine();
  const corpus = await openCorpus(options, note);
  const tokenizer = await AutoTokenizer.fromPretrained(corpus.folder);
  if (tokenizer.vocabSize !== corpus.manifest.vocabSize) {
    throw new UsageError(`${corpus.folder}: the tokenizer has ${tokenizer.vocabSize} pieces, the prepared text was made with ${corpus.manifest.vocabSize}`, { hint: 'Prepare the corpus again.' });
  }
  const { model, origin } = await createModel(options, sha256, tokenizer, note);
  try {
    const plan = planPretrain(options, corpus.manifest.settings, model.config.hiddenSize);
    if (plan.examples.maxSeqLength > model.config.maxPositionEmbeddings) {
      throw new UsageError(`max-seq-length is ${plan.examples.maxSeqLength}, but the model has only ${model.config.maxPositionEmbeddings} positions`);
    }
    const vocabulary = pretrainingVocabulary(tokenizer);
    const stageOptions = batchOptions(plan, vocabulary);
    const sources = stageOptions.map((stage) => new PretrainingBatches({ ...stage, store: corpus.store, documents: corpus.trainDocuments }));
    const length = planLength(options, stepsPerPass(plan.stages, sources));
    const trainingPrecision = options.matmulPrecision === undefined ? engineInfo().matmulPrecision : resolveMatmulPrecision(options.matmulPrecision, true);
    const peak = measurePeakFlops(trainingPrecision);
    const found = environment();
    const parameters = parameterCount(model);
    refuseBeyondMemory({ config: model.config, parameters, trained: parameters, tokens: Math.max(...plan.stages.map(({ batchSize, maxSeqLength }) => plan.tokensPerBatch ?? batchSize * maxSeqLength)) });
    note(`model: ${model.config.modelType}, hidden size ${model.config.hiddenSize}, ${(parameters / 1e6).toFixed(2)} M parameters (${origin.text}); at least ${Math.ceil((parameters * 16) / 2 ** 20)} MiB for weights, gradients and moments`);
    note(
      `corpus: ${corpus.trainDocuments.length} documents, ${corpus.store.tokenCount - corpus.manifest.counts.heldOutTokens} tokens to train on, ${corpus.heldOutDocuments.length} documents held out; ${sources.map(({ examplesPerEpoch, stepsPerEpoch }) => `${examplesPerEpoch} examples an epoch, ${stepsPerEpoch} steps`).join('; ')} of ${describeBatch(plan)}`,
    );
    for (const text of exampleNotes(plan, sources)) note(text);
    const end = plan.timeBudgetSeconds === undefined ? `${length.totalSteps} steps` : `${plan.timeBudgetSeconds} s`;
    note(`run: ${end}, learning rate ${plan.learningRate}, ${plan.schedule}, warm-up ${plan.schedule === 'constant' ? 'none' : plan.warmup}, ${plan.optimizer}, seed ${plan.seed}, ${found.engine} engine, ${trainingPrecision} precision, ${peakText(peak)}`);
    note(`settings: ${describeSettings({ ...plan, ...length, examples: { ...plan.examples }, masking: { ...plan.masking }, evalMasking: { ...plan.evalMasking }, stages: plan.stages.map((stage) => ({ ...stage })) })}`);
    return {
      options,
      plan,
      length,
      corpus,
      tokenizer,
      vocabulary,
      stageOptions,
      sources,
      model,
      environment: found,
      trainingPrecision,
      peak,
      command: options.command ?? `pretrain({ output: ${JSON.stringify(options.output)} })`,
      settings: {
        ...flatSettings(plan),
        totalSteps: Number.isFinite(length.totalSteps) ? length.totalSteps : 'until the time budget ends',
        loggingSteps: length.loggingSteps,
        evalSteps: length.evalSteps ?? null,
        modelConfig: JSON.parse(JSON.stringify(configToJson(model.config))) as Settings,
        modelSha256: origin.sha256,
        dataSha256: corpusHash(corpus.manifest),
        tokenizerSha256: corpus.manifest.settings.tokenizerSha256,
        engine: found.engine,
        isa: found.isa,
        // The native engine computes the same bits with any number of them.
        ...(found.engine === 'native' ? {} : { threads: found.threads }),
        matmulPrecision: trainingPrecision,
      },
      about: { data: path.resolve(corpus.folder), machine: found.machine, peakGflops: peak.gflops, peakMeasuredOn: peak.measuredOn, threads: found.threads, threadsReason: found.threadsReason, versions: found.versions, startedAt: new Date().toISOString() },
      note,
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function flatSettings(plan: PretrainPlan): Settings {
  return Object.fromEntries(Object.entries(plan).map(([key, value]) => [key, value === undefined ? null : value]));
}

/** Cut-off tokens above this share of the text are worth a word. */
const muchTruncated = 0.1;
/** Random pairs: half of those where there is a choice; a document's lone sentences have none. */
const manyOddPairs = 0.75;

/** What a reader should know of the examples before the run. */
function exampleNotes(plan: PretrainPlan, sources: readonly PretrainingBatches[]): string[] {
  return sources.flatMap(({ epochSummary: { tokens, truncatedTokens, oddPairs } }, i) => {
    const length = plan.stages[i]?.maxSeqLength;
    const cut = truncatedTokens / Math.max(1, tokens + truncatedTokens);
    return [
      ...(cut > muchTruncated ? [`warning: ${(100 * cut).toFixed(0)} % of the tokens do not fit into examples of ${length} tokens and are cut off: sentences are longer than that (--max-seq-length; prepare --split-sentences for running text)`] : []),
      ...(plan.examples.nextSentence === 'nsp' && (oddPairs ?? 0) > manyOddPairs ? [`warning: ${(100 * (oddPairs ?? 0)).toFixed(0)} % of the sentence pairs are random ones, because most documents are a single sentence (prepare --split-sentences, or --next-sentence sop or none)`] : []),
    ];
  });
}

/** The settings of each stage's batches. The random numbers of later stages are others than those of the first. */
function batchOptions(plan: PretrainPlan, vocabulary: PretrainingVocabulary): SharedBatchOptions[] {
  return plan.stages.map((stage, i) => ({
    examples: stageExamples(plan, stage),
    masking: stageMasking(plan.masking, stage),
    vocabulary,
    seed: i === 0 ? plan.seed : mixKey(plan.seed, i),
    batchSize: stage.batchSize,
    tokensPerBatch: plan.tokensPerBatch,
    accumulationSteps: plan.accumulationSteps,
    dupeFactor: plan.dupeFactor,
  }));
}

/** A run that sees fewer tokens or ends sooner gains nothing by a second thread. */
const leastTokensToPrefetch = 1e6;
const leastSecondsToPrefetch = 10;

/** The run's batches and the stages they belong to; `close` ends the thread that makes them, where there is one. */
export interface StartedBatches {
  readonly batches: RunBatches;
  readonly schedule: StageSchedule;
  close(): Promise<void>;
}

/**
 * Comes back when the batches of the run's first step are there, so that no time of the run is spent on starting the thread. Throws what
 * making them throws.
 * @param fresh the output directory held no run before
 * @param firstStep that this session trains
 */
export async function startBatches(job: PretrainJob, outputPath: string, fresh: boolean, firstStep: number): Promise<StartedBatches> {
  const { plan, length, corpus, sources, stageOptions } = job;
  const timed = plan.timeBudgetSeconds !== undefined;
  const schedule = new StageSchedule(plan.stages, length.totalSteps, timed && sources.length > 1 ? new StageFile(path.join(outputPath, 'stages.json'), fresh) : undefined);
  const tokensPerStep = Math.max(...plan.stages.map(({ batchSize, maxSeqLength }) => plan.accumulationSteps * (plan.tokensPerBatch ?? batchSize * maxSeqLength)));
  const long = tokensPerStep * length.totalSteps >= leastTokensToPrefetch && (plan.timeBudgetSeconds ?? Number.POSITIVE_INFINITY) >= leastSecondsToPrefetch;
  const prefetch = job.options.prefetch ?? long;
  const maker = prefetch ? new PrefetchedBatches(corpus.store, corpus.trainDocuments, stageOptions) : inThisThread(sources);
  const batches = new RunBatches(sources, schedule, maker, prefetch ? stepsAhead(tokensPerStep) : 0);
  try {
    if (prefetch) await batches.microBatches(firstStep);
  } catch (error) {
    await maker.close();
    throw error;
  }
  return { batches, schedule, close: () => maker.close() };
}

/** A prepared corpus as given, or made from text files in the folder OUTPUT-data. */
async function openCorpus(options: PretrainOptions, note: (text: string) => void): Promise<PreparedCorpus> {
  const { data, corpus, tokenizer, output } = options;
  if (data !== undefined && corpus !== undefined) throw new UsageError('both --data and --corpus are given; expected one of them');
  if (data !== undefined && options.textFormat !== undefined) {
    throw new UsageError(`flags for the layout of text files are given with --data ${data}, which is prepared already`, { hint: 'They belong to `bertwright prepare`, or to --corpus.' });
  }
  for (const [flag, value] of [['--tokenizer', tokenizer], ['--validation-split-percentage', options.validationSplitPercentage]] as const) {
    if (data !== undefined && value !== undefined) throw new UsageError(`${flag} is given with --data ${data}, which is prepared already`, { hint: 'It belongs to `bertwright prepare`, or to --corpus.' });
  }
  if (data !== undefined) return openPrepared(data);
  if (corpus === undefined) throw new UsageError('no text to train on', { hint: 'Give --data with a prepared corpus, or --corpus with text files and --tokenizer.' });
  if (tokenizer === undefined) throw new UsageError('--corpus needs a tokenizer', { hint: 'Give its folder with --tokenizer; `bertwright vocab` makes one.' });
  const folder = `${path.resolve(output)}-data`;
  let shownAt = performance.now();
  const { manifest, reused } = await prepare({
    corpus,
    tokenizer: typeof tokenizer === 'string' ? await AutoTokenizer.fromPretrained(tokenizer) : tokenizer,
    output: folder,
    maxSeqLength: options.maxSeqLength,
    nextSentence: options.nextSentence,
    shortSeqProb: options.shortSeqProb,
    validationSplitPercentage: options.validationSplitPercentage,
    ...options.textFormat,
    overwrite: options.overwrite,
    note,
    signal: options.signal,
    progress: ({ bytes, totalBytes, bytesPerSecond, secondsLeft }) => {
      if (performance.now() - shownAt < 5000) return;
      shownAt = performance.now();
      note(`preparing the corpus: ${Math.floor((100 * bytes) / totalBytes)}% of ${(totalBytes / 1e6).toFixed(1)} MB, ${(bytesPerSecond / 1e6).toFixed(1)} MB/s, ${Math.ceil(secondsLeft)} s left`);
    },
  });
  note(`${reused ? 'using the corpus prepared in' : 'prepared the corpus in'} ${folder}: ${manifest.counts.documents} documents, ${manifest.counts.tokens} tokens`);
  return openPrepared(folder);
}

/** Changes with any token, document border or held-out choice. */
function corpusHash(manifest: PreparedManifest): string {
  return createHash('sha256')
    .update(JSON.stringify([manifest.documents.sha256, manifest.shards.map(({ sha256 }) => sha256), manifest.heldOut]))
    .digest('hex');
}
