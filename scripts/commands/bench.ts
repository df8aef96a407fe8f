/** `bertwright bench`: how fast this machine is, and how much memory a step takes. */
import { UsageError } from '../../src/data/errors.js';
import { didYouMean } from '../../src/data/nearMatch.js';
import type { EngineInfo } from '../../src/engine/index.js';
import { adapterNames } from '../../tasks/adapterNames.js';
import type { FinetuneMeasurement, Profiled, StepMeasurement } from '../bench/measurements.js';
import { applyEngine, precisionOption } from '../cli/engine.js';
import { engineOptions, profileOption } from '../cli/options.js';
import { printJson, printLine } from '../cli/output.js';
import { profileLines, type ProfileSummary } from '../cli/profile.js';
import type { Settings } from '../cli/settings.js';
import type { CommandSpec, OptionSpec } from '../cli/spec.js';
import { tableLines } from '../cli/table.js';
import { terminalText } from '../cli/terminalText.js';
import { oneOf } from '../cli/textFormat.js';

const whats = ['step', 'gemm', 'tokenizer', 'vocab', 'finetune', 'memory'] as const;
type What = (typeof whats)[number];

const ofSteps = 'Steps, fine-tuning, memory';
const ofText = 'Tokenizer and vocabulary';

/** What each flag belongs to; beside it, a flag would do nothing. */
const meanings: Readonly<Record<string, readonly What[]>> = {
  'model-config': ['step', 'memory', 'gemm'],
  isa: ['step', 'memory', 'gemm', 'finetune'],
  steps: ['step', 'memory', 'tokenizer', 'vocab'],
  'per-device-train-batch-size': ['step', 'memory', 'finetune'],
  'max-seq-length': ['step', 'memory', 'finetune'],
  task: ['finetune'],
  model: ['finetune'],
  data: ['finetune'],
  adapter: ['finetune'],
  'max-train-samples': ['finetune'],
  corpus: ['tokenizer', 'vocab'],
  tokenizer: ['tokenizer'],
  'vocab-size': ['vocab'],
  clock: ['gemm'],
  profile: ['step', 'finetune'],
};

const options: Readonly<Record<string, OptionSpec>> = {
  what: { type: 'string', describe: 'what to measure', choices: whats, default: 'step' },
  'model-config': { type: 'list', describe: 'tiny, mini, small, medium, base, large, minilm-l6, minilm-l12, or a config.json; several after one another (default: mini; gemm: minilm-l6,base)' },
  isa: { type: 'list', describe: 'instruction sets of the native engine: amx, avx512bf16, avx512, avx2, portable, neon (default: the best; BERTWRIGHT_ISA in the environment forces one in every command)' },
  steps: { type: 'number', whole: true, describe: 'timed steps after warm-up (default: 10; memory: 3); timed runs of tokenizer (5) and vocab (1)' },
  'per-device-train-batch-size': { type: 'number', whole: true, describe: 'sequences of a step (default: 32; 16 from a hidden size of 768 on)', group: ofSteps },
  'max-seq-length': { type: 'number', whole: true, describe: 'tokens of a sequence; of a fine-tune, of the longest (default: 128)', group: ofSteps },
  task: { type: 'string', describe: 'GLUE task of the fine-tune (default: mrpc)', letter: 't', group: ofSteps },
  model: { type: 'string', describe: 'checkpoint folder of the fine-tune', letter: 'm', group: ofSteps },
  data: { type: 'string', describe: 'folder with CoLA, SST-2, … (default: $GLUE_DIR, then ./glue_data)', group: ofSteps },
  adapter: { type: 'list', describe: 'of the fine-tune: none, lora, bottleneck; several after one another (default: none)', group: ofSteps },
  'max-train-samples': { type: 'number', whole: true, describe: 'fine-tune on the first N rows', group: ofSteps },
  corpus: { type: 'list', describe: 'text files (default: the novels of the quickstart)', group: ofText },
  tokenizer: { type: 'string', describe: 'tokenizer folder (default: a vocabulary of 8,000 trained on the text)', group: ofText },
  'vocab-size': { type: 'number', whole: true, describe: 'entries of the vocabulary (default: 30522)', group: ofText },
  clock: { type: 'string', describe: 'of gemm: processor time is the fairer one on --threads 1 beside other work (default: wall)', choices: ['wall', 'cpu'] },
  ...profileOption,
  ...engineOptions,
};

/** What a measurement leaves to be printed. */
interface Report {
  readonly results: readonly object[];
  /** Further keys of the JSON document. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** The tables. */
  readonly lines: readonly string[];
}

export const benchCommand: CommandSpec = {
  name: 'bench',
  summary: 'Measure this machine: training steps, matrix products, tokenizer, vocabulary, a fine-tuning epoch, memory.',
  options,
  examples: [
    ['bertwright bench --what step --model-config mini,minilm-l6', 'milliseconds of a pretraining step (32 x 128 tokens), in both precisions where the machine has bf16 and none is asked for'],
    ['bertwright bench --what step --model-config mini --profile step.json', 'where the time of a step goes'],
    ['bertwright bench --what gemm --isa avx2', 'matrix products as a share of the processor\'s peak'],
    ['bertwright bench --what finetune --task mrpc --model MODEL --data glue_data', 'seconds of an epoch'],
    ['bertwright bench --what finetune --adapter none,lora --model MODEL --data glue_data', 'time and memory of LoRA beside full fine-tuning'],
    ['bertwright bench --what memory --model-config base --json', 'most memory held, as JSON'],
  ],
  async run(settings) {
    const what = whats.find((name) => name === settings.string('what')) ?? 'step';
    for (const [flag, where] of Object.entries(meanings)) {
      const given = [settings.string(flag), settings.number(flag), settings.list(flag)].some((value) => value !== undefined);
      if (given && !where.includes(what)) throw new UsageError(`bench --what ${what} has no use for --${flag}`, { hint: `it belongs to --what ${where.join(', ')}` });
    }
    for (const flag of ['steps', 'per-device-train-batch-size', 'max-seq-length', 'max-train-samples', 'vocab-size']) {
      if (settings.number(flag) === 0) throw new UsageError(`--${flag} is 0; expected a whole number of at least 1`);
    }
    const info = await applyEngine(settings, true);
    const { describeMachine, machineLine } = await import('../bench/machine.js');
    const machine = describeMachine(info);
    const { results, more, lines } = await measure(what, settings, info);
    if (settings.boolean('json') === true) {
      printJson({ what, machine, results, ...more });
      return;
    }
    printLine(`${what}: ${machineLine(machine)}`);
    for (const line of lines) printLine(line);
  },
};

function measure(what: What, settings: Settings, info: EngineInfo): Promise<Report> {
  switch (what) {
    case 'step':
    case 'memory':
      return measureSteps(what, settings, info);
    case 'finetune':
      return measureFinetunes(settings, info);
    case 'gemm':
      return measureProducts(settings, info);
    default:
      return measureText(what, settings);
  }
}

/** The instruction sets to measure, undefined for the engine's own choice, and whether they multiply bfloat16. */
async function instructionSets(settings: Settings, info: EngineInfo): Promise<readonly { readonly isa: string | undefined; readonly hasBf16: boolean }[]> {
  const names = settings.list('isa');
  if (names === undefined) return [{ isa: undefined, hasBf16: info.hasBf16 }];
  if (info.engine !== 'native') throw new UsageError(`--isa is for the native engine, and this is ${info.engine}`, { hint: info.notTaken.map(({ engine, why }) => `${engine}: ${why}`).join('; ') });
  const { addon } = await import('../../src/native/tensors.js');
  const { available, withBf16 } = addon().info();
  for (const name of names) {
    if (!available.includes(name)) throw new UsageError(`--isa: this processor and build have no instruction set "${name}".${didYouMean(name, available)}`, { hint: `choices here: ${available.join(', ')}` });
  }
  return names.map((isa) => ({ isa, hasBf16: withBf16.includes(isa) }));
}

interface Variant {
  readonly isa: string | undefined;
  readonly precision: 'highest' | 'bf16';
}

/** Instruction sets and precisions in the order of measuring: the precision asked for by name, or else all that are possible. */
async function variants(settings: Settings, info: EngineInfo): Promise<readonly Variant[]> {
  const sets = await instructionSets(settings, info);
  const asked = precisionOption(settings);
  const wanted = sets.flatMap(({ isa, hasBf16 }): Variant[] => {
    if (asked === 'bf16' && !hasBf16) throw new UsageError(`--matmul-precision bf16: ${isa ?? info.engine} has no bf16 products`, { hint: 'use --matmul-precision highest or auto' });
    const precisions = asked === 'auto' ? (hasBf16 ? (['bf16', 'highest'] as const) : (['highest'] as const)) : [asked];
    return precisions.map((precision) => ({ isa, precision }));
  });
  // A profile is of one measurement.
  return settings.string('profile') === undefined ? wanted : wanted.slice(0, 1);
}

/** Progress, on stderr. */
function note(settings: Settings, text: string): void {
  if (settings.boolean('quiet') !== true) console.error(terminalText(text));
}

function variantText({ isa, precision }: Variant): string {
  return [isa, precision].filter((part) => part !== undefined).join(', ');
}

function profileTable(profile: ProfileSummary | undefined): string[] {
  return profile === undefined ? [] : ['', ...profileLines(profile)];
}

async function measureSteps(what: 'step' | 'memory', settings: Settings, info: EngineInfo): Promise<Report> {
  const { measureInChild } = await import('../bench/measureInChild.js');
  const { checkModelConfig } = await import('../../pretraining/plan.js');
  const configs = settings.list('model-config') ?? ['mini'];
  for (const modelConfig of configs) checkModelConfig(modelConfig);
  const [warmup, steps] = what === 'step' ? [4, settings.number('steps') ?? 10] : [1, settings.number('steps') ?? 3];
  const profile = settings.string('profile');
  const results: Profiled<StepMeasurement>[] = [];
  for (const modelConfig of profile === undefined ? configs : configs.slice(0, 1)) {
    for (const variant of await variants(settings, info)) {
      note(settings, `measuring ${modelConfig}, ${variantText(variant)}: ${steps} steps`);
      results.push(await measureInChild({
        measure: 'step', modelConfig, engine: info.engine, threads: settings.number('threads'), precision: variant.precision, profile,
        batchSize: settings.number('per-device-train-batch-size'), seqLength: settings.number('max-seq-length') ?? 128, warmup, steps,
      }, variant.isa));
    }
  }
  const shared = ['model', 'engine', 'isa', 'precision', 'batch', 'parameters'];
  const sharedCells = (result: StepMeasurement): string[] => [
    result.modelConfig, result.engine, result.isa ?? '', result.precision, `${result.batchSize} x ${result.seqLength}`, `${(result.parameters / 1e6).toFixed(1)} M`,
  ];
  if (what === 'memory') {
    return {
      results: results.map(({ modelConfig, engine, isa, precision, batchSize, seqLength, parameters, peakRssMb }) => ({ modelConfig, engine, ...(isa === undefined ? {} : { isa }), precision, batchSize, seqLength, parameters, peakRssMb })),
      lines: tableLines([...shared, 'peak MiB'], results.map((result) => [...sharedCells(result), result.peakRssMb.toFixed(0)])),
    };
  }
  return {
    results,
    lines: [
      ...tableLines([...shared, 'median ms', 'best ms', 'tokens/s', 'peak MiB'], results.map((result) => [
        ...sharedCells(result), result.medianMs.toFixed(1), result.bestMs.toFixed(1), result.tokensPerSecond.toFixed(0), result.peakRssMb.toFixed(0),
      ])),
      ...profileTable(results[0]?.profile),
    ],
  };
}

async function measureFinetunes(settings: Settings, info: EngineInfo): Promise<Report> {
  const { measureInChild } = await import('../bench/measureInChild.js');
  const model = settings.requiredString('model', 'give the checkpoint folder to fine-tune with --model');
  const task = settings.string('task') ?? 'mrpc';
  const adapters = (settings.list('adapter') ?? ['none']).map((name) => oneOf(adapterNames, name) ?? refuseAdapter(name));
  const results: Profiled<FinetuneMeasurement>[] = [];
  const profile = settings.string('profile');
  const measured = (await variants(settings, info)).flatMap((variant) => adapters.map((adapter) => ({ variant, adapter })));
  for (const { variant, adapter } of profile === undefined ? measured : measured.slice(0, 1)) {
    note(settings, `measuring an epoch of ${task}, ${variantText(variant)}${adapter === 'none' ? '' : `, adapter ${adapter}`}`);
    results.push(await measureInChild({
      measure: 'finetune', task, model, adapter, data: settings.string('data'), engine: info.engine, threads: settings.number('threads'), precision: variant.precision,
      profile, batchSize: settings.number('per-device-train-batch-size') ?? 32, seqLength: settings.number('max-seq-length') ?? 128,
      maxTrainSamples: settings.number('max-train-samples'),
    }, variant.isa));
  }
  return {
    results,
    lines: [
      ...tableLines(['task', 'model', 'adapter', 'trained', 'engine', 'isa', 'precision', 'rows', 'batch', 'steps', 'epoch s', 'tokenizing s', 'tokens/s', 'peak MiB'], results.map((result) => [
        result.task, result.modelConfig, result.adapter, `${(result.trainedParameters / 1e6).toFixed(3)} M`, result.engine, result.isa ?? '', result.precision, String(result.rows), String(result.batchSize), String(result.steps),
        result.secondsPerEpoch.toFixed(2), result.tokenizeSeconds.toFixed(2), result.tokensPerSecond.toFixed(0), result.peakRssMb.toFixed(0),
      ])),
      ...profileTable(results[0]?.profile),
    ],
  };
}

function refuseAdapter(name: string): never {
  throw new UsageError(`--adapter: unknown adapter "${name}".${didYouMean(name, adapterNames)}`, { hint: `choices: ${adapterNames.join(', ')}` });
}

async function measureProducts(settings: Settings, info: EngineInfo): Promise<Report> {
  if (info.engine !== 'native') throw new UsageError(`bench --what gemm measures the native engine, and this is ${info.engine}`, { hint: info.notTaken.map(({ engine, why }) => `${engine}: ${why}`).join('; ') });
  const { measureGemm } = await import('../bench/gemmSpeed.js');
  const { gemmLines } = await import('../bench/gemmTables.js');
  const { isPresetName, presetNames } = await import('../../src/config/index.js');
  const { addon } = await import('../../src/native/tensors.js');
  const models = (settings.list('model-config') ?? ['minilm-l6', 'base']).map((name) => {
    if (!isPresetName(name)) throw new UsageError(`unknown model configuration "${name}".${didYouMean(name, presetNames)}`, { hint: `gemm takes the shapes of presets: ${presetNames.join(', ')}` });
    return name;
  });
  const clock = settings.string('clock') === 'cpu' ? 'cpu' : 'wall';
  const measured = [];
  for (const { isa = addon().info().isa, precision } of await variants(settings, info)) {
    note(settings, `measuring matrix products, ${isa}, ${precision}`);
    measured.push({ isa, precision, ...measureGemm(addon(), { models, isa, precision, clock }) });
  }
  return {
    results: measured.flatMap(({ results }) => results),
    more: { summary: measured.flatMap(({ summary }) => summary) },
    lines: measured.flatMap((part) => gemmLines(part)),
  };
}

async function measureText(what: 'tokenizer' | 'vocab', settings: Settings): Promise<Report> {
  const { measureTokenizer, measureVocabulary } = await import('../bench/textSpeed.js');
  const { quickstartData } = await import('../quickstart/quickstart.js');
  const files = settings.list('corpus') ?? [`${quickstartData}/corpus/novels.txt`];
  if (what === 'tokenizer') {
    const result = await measureTokenizer(files, settings.string('tokenizer'), settings.number('steps') ?? 5);
    return {
      results: [result],
      lines: tableLines(['text MB', 'tokens', 'vocabulary', 'median ms', 'best ms', 'MB/s', 'tokens/s'], [[
        result.megabytes.toFixed(2), String(result.tokens), String(result.vocabSize), result.medianMs.toFixed(1), result.bestMs.toFixed(1), result.megabytesPerSecond.toFixed(2), result.tokensPerSecond.toFixed(0),
      ]]),
    };
  }
  const result = await measureVocabulary(files, settings.number('vocab-size') ?? 30522, settings.number('steps') ?? 1);
  return {
    results: [result],
    lines: tableLines(['text MB', 'entries', 'seconds', 'best', 'MB/s'], [[result.megabytes.toFixed(2), String(result.vocabSize), result.seconds.toFixed(2), result.bestSeconds.toFixed(2), result.megabytesPerSecond.toFixed(2)]]),
  };
}
