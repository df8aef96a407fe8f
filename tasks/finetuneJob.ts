/** Everything a fine-tune needs before its first step: data, plan, labels, tokenizer, precision, and what is recorded about it. */
import path from 'node:path';
import type { AdapterConfig } from '../src/adapters/config.js';
import { findModelFiles } from '../src/checkpoint/modelFiles.js';
import type { Settings } from '../src/checkpoint/outputDirectory.js';
import { readConfigJson } from '../src/config/configJson.js';
import { overrideJson } from '../src/config/configOverrides.js';
import { UsageError } from '../src/data/errors.js';
import { engineInfo, resolveMatmulPrecision } from '../src/engine/index.js';
import { AutoModelForSequenceClassification, parameterCount, type SequenceClassificationModel, trainableCount } from '../src/models/index.js';
import { AutoTokenizer, type TextTokenizer } from '../src/tokenizer/index.js';
import { adapterTitle, chosenAdapter, refuseAdapterAsBase, refuseUnsavedBase } from './adapterChoice.js';
import { checkedMaxLength, type EncodedRow, encodeSplit, withLabelMap } from './encodeSplit.js';
import type { Epochs } from './epochs.js';
import { chosenTokenBudget } from '../src/train/batchSize.js';
import { describeSettings } from '../src/train/describeSettings.js';
import { ensureEngine } from '../src/train/ensureEngine.js';
import { type Environment, environment } from '../src/train/environment.js';
import { refuseBeyondMemory } from '../src/train/memoryCheck.js';
import { measurePeakFlops, type PeakFlops, peakText } from '../src/train/peakFlops.js';
import { fingerprintModel, hashFiles } from './fingerprint.js';
import { describeBatch, type FinetuneFacts, type FinetunePlan, planFinetune, plannedEpochs, recipeHyperparameters } from './finetunePlan.js';
import { isGeneric, matchLabels } from './labelMapping.js';
import type { FinetuneOptions } from './options.js';
import { loadTaskData } from './taskData.js';
import type { TaskData, TaskSpec } from './taskSpec.js';

export interface FinetuneJob {
  readonly options: FinetuneOptions;
  readonly data: TaskData;
  readonly spec: TaskSpec;
  readonly plan: FinetunePlan;
  readonly epochs: Epochs;
  /** What is trained with the head instead of all weights. */
  readonly adapter: AdapterConfig | undefined;
  readonly tokenizer: TextTokenizer;
  readonly environment: Environment;
  readonly trainingPrecision: 'highest' | 'bf16';
  /** Of this machine in that precision. */
  readonly peak: PeakFlops;
  /** Name of the model in results and reports. */
  readonly modelName: string;
  readonly command: string;
  /** What decides the result. */
  readonly settings: Settings;
  readonly about: Settings;
  readonly note: (text: string) => void;
  loadModel(): Promise<SequenceClassificationModel>;
  /** The model whole, or its adapter alone. */
  saveModel(model: SequenceClassificationModel, directory: string): Promise<void>;
  saveTokenizer(directory: string): Promise<void>;
  /** The training rows, tokenized and with the model's classes. */
  encodeTrain(labelMap: readonly number[] | undefined): Promise<EncodedRow[]>;
  /** The model's class of each class of the task; undefined for regression. */
  labelMap(model: SequenceClassificationModel): number[] | undefined;
  /** Of an input, in tokens. */
  readonly maxLength: number;
}

/** Names of the outputs in config.json; undefined where there are none. */
function labelsInConfig(json: { readonly [key: string]: unknown }): string[] | undefined {
  const names = json['id2label'];
  if (typeof names !== 'object' || names === null) return undefined;
  return Object.entries(names)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => String(name));
}

/** Loads data and tokenizer, resolves the plan, hashes what the result depends on. The model itself comes with `loadModel`. */
export async function prepareFinetune(options: FinetuneOptions): Promise<FinetuneJob> {
  const adapter = chosenAdapter(options);
  if (adapter !== undefined) refuseUnsavedBase(options);
  refuseAdapterAsBase(options.model);
  const note = (text: string): void => options.progress?.({ type: 'note', text });
  await ensureEngine();
  const fingerprint = await fingerprintModel(options.model, options.init !== 'random');
  const data = await loadTaskData(options);
  const { spec } = data;
  const config = overrideJson(readConfigJson(findModelFiles(options.model).config), options.configOverrides ?? []);
  const hiddenSize = typeof config['hidden_size'] === 'number' ? config['hidden_size'] : 768;
  const positions = config['max_position_embeddings'];
  const facts: FinetuneFacts = { trainRows: data.train.examples.length, devRows: data.dev.reduce((sum, split) => sum + split.examples.length, 0), hiddenSize, adapted: adapter !== undefined };
  const wantedLength = options.maxSeqLength ?? recipeHyperparameters(options, spec, facts).maxSeqLength;
  const maxLength = checkedMaxLength(wantedLength, typeof positions === 'number' ? positions : wantedLength);
  const byTokens = chosenTokenBudget(options, maxLength) !== undefined;
  const tokenizer = await AutoTokenizer.fromPretrained(options.model);
  // A budget of tokens makes the number of steps depend on the rows' lengths, so there the rows are tokenized before the plan.
  const tokenized = byTokens ? await encodeSplit(data.train, tokenizer, maxLength, undefined, options.signal) : undefined;
  const measured: FinetuneFacts = { ...facts, trainLengths: tokenized && Int32Array.from(tokenized, ({ inputIds }) => inputIds.length) };
  const plan = planFinetune(options, spec, measured);
  if (maxLength < plan.maxSeqLength) note(`--max-seq-length is ${plan.maxSeqLength}, but the model has ${maxLength} positions: longer inputs are cut to these`);
  const trainingPrecision = options.matmulPrecision === undefined ? engineInfo().matmulPrecision : resolveMatmulPrecision(options.matmulPrecision, true);
  const found = environment();
  const peak = measurePeakFlops(trainingPrecision);
  const modelName = options.modelName ?? path.basename(path.resolve(options.model));
  const { loggingSteps: _, ...decisive } = plan;
  const settings: Settings = {
    task: spec.name,
    init: options.init ?? 'checkpoint',
    ...(adapter === undefined ? {} : { adapter: { ...adapter } }),
    ...(options.configOverrides === undefined ? {} : { configOverrides: options.configOverrides }),
    ...Object.fromEntries(Object.entries(decisive).map(([key, value]) => [key, value ?? null])),
    loggingSteps: plan.loggingSteps,
    maxTrainSamples: options.maxTrainSamples ?? null,
    maxEvalSamples: options.maxEvalSamples ?? null,
    maxPredictSamples: options.maxPredictSamples ?? null,
    labels: spec.labels,
    metrics: spec.metrics,
    engine: found.engine,
    isa: found.isa,
    // The native engine computes the same bits with any number of them.
    ...(found.engine === 'native' ? {} : { threads: found.threads }),
    matmulPrecision: trainingPrecision,
    modelSha256: fingerprint.model,
    tokenizerSha256: fingerprint.tokenizer,
    trainSha256: await hashFiles(data.train.files),
    devSha256: await hashFiles(data.dev.flatMap((split) => split.files)),
  };
  const about: Settings = {
    model: path.resolve(options.model),
    trainFile: data.train.files.map((file) => path.resolve(file)).join(', '),
    ...(options.root === undefined ? {} : { rootModel: path.resolve(options.root.model), rootModelSha256: (await fingerprintModel(options.root.model, true)).model, rootSystem: options.root.system }),
    machine: found.machine,
    peakGflops: peak.gflops,
    peakMeasuredOn: peak.measuredOn,
    threads: found.threads,
    threadsReason: found.threadsReason,
    versions: found.versions,
    startedAt: new Date().toISOString(),
  };
  const own = labelsInConfig(config);
  const keepsHead = spec.kind === 'classification' && own !== undefined && matchLabels(spec, own) !== undefined;
  // A head of as many other classes, of another task: its weights mean nothing here. Names that say nothing are taken as the task's.
  const freshHead = spec.kind === 'classification' && own !== undefined && !keepsHead && !isGeneric(own);
  return {
    options,
    data,
    spec,
    plan,
    epochs: plannedEpochs(plan, measured),
    adapter,
    tokenizer,
    environment: found,
    trainingPrecision,
    peak,
    modelName,
    command: options.command ?? `finetune({ task: ${JSON.stringify(spec.name)}, model: ${JSON.stringify(options.model)}, output: ${JSON.stringify(options.output)} })`,
    settings,
    about,
    note,
    loadModel: async () => {
      const labels =
        spec.kind === 'regression'
          ? ({ numLabels: 1, id2label: ['score'], problemType: 'regression' } as const)
          : keepsHead
            ? ({ problemType: 'single_label_classification' } as const)
            : ({ numLabels: spec.labels.length, id2label: spec.labels, problemType: 'single_label_classification' } as const);
      const model = await AutoModelForSequenceClassification.fromPretrained(options.model, {
        ...labels,
        seed: plan.seed,
        ignoreMismatchedSizes: true,
        freshHead,
        configOverrides: options.configOverrides,
        ...(options.init === 'random' ? { init: 'random' } : {}),
      });
      if (adapter !== undefined) {
        const lost = model.loadReport.missing.filter((name) => !name.startsWith('classifier.'));
        if (lost.length > 0) {
          model.dispose();
          throw new UsageError(`${options.model} has no ${lost.join(', ')}, and an adapter is saved without the model under it`, { hint: 'fine-tune all weights once, or take a checkpoint that has them' });
        }
        model.addAdapter(adapter);
      }
      const parameters = parameterCount(model);
      const trained = trainableCount(model);
      try {
        refuseBeyondMemory({ config: model.config, parameters, trained, tokens: plan.tokensPerBatch ?? plan.perDeviceTrainBatchSize });
      } catch (error) {
        model.dispose();
        throw error;
      }
      const fresh = options.init === 'random' ? 'all weights fresh' : model.loadReport.missing.length === 0 ? 'no weight fresh' : `fresh: ${model.loadReport.missing.join(', ')}`;
      for (const text of model.loadReport.notes ?? []) note(text);
      note(`${modelName}: ${(parameters / 1e6).toFixed(2)} M parameters (${fresh}); ${adapter === undefined ? '' : `${adapterTitle(adapter)}: ${(trained / 1e6).toFixed(3)} M of them trained, ${((100 * trained) / parameters).toFixed(2)} %; `}at least ${Math.ceil((parameters * 4 + trained * 12) / 2 ** 20)} MiB for weights, gradients and moments`);
      note(
        `${spec.title}: ${data.train.examples.length} training rows, ${plan.totalSteps} steps of ${describeBatch(plan)}${byTokens ? ` (about ${Math.round((data.train.examples.length * plan.numTrainEpochs) / plan.totalSteps)} rows)` : ''}, learning rate ${plan.learningRate}, ${found.engine} engine, ${trainingPrecision} precision, ${peakText(peak)}`,
      );
      if (data.train.skipped > 0) note(`${data.train.skipped} malformed rows of ${data.train.files.join(', ')} were left out`);
      note(`settings: ${describeSettings({ ...plan })}`);
      return model;
    },
    saveModel: (model, directory) => (adapter === undefined ? model.savePretrained(directory) : model.saveAdapter(directory, path.resolve(options.model))),
    saveTokenizer: async (directory) => {
      await tokenizer.save(directory);
    },
    encodeTrain: async (labelMap) => (tokenized === undefined ? encodeSplit(data.train, tokenizer, maxLength, labelMap, options.signal) : withLabelMap(tokenized, labelMap)),
    labelMap: (model) => (spec.kind === 'regression' ? undefined : matchLabels(spec, labelNames(model))),
    maxLength,
  };
}

/** The names of a model's classes, in its order. */
export function labelNames(model: SequenceClassificationModel): string[] {
  return Array.from({ length: model.numLabels }, (_, i) => model.config.id2label?.[i] ?? `LABEL_${i}`);
}
