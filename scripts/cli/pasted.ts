/** Takes whole pasted run_glue.py and run_mlm.py lines: translates them to a command here and names what has no meaning here. */
import { UsageError } from '../../src/data/errors.js';
import { didYouMean } from '../../src/data/nearMatch.js';
import { aliasNames, canonicalFlag } from './aliases.js';

export interface Translation {
  readonly args: readonly string[];
  /** Lines to tell the user: flags without a meaning here. */
  readonly notes: readonly string[];
}

export interface PastedCommand {
  readonly names: readonly string[];
  readonly help: string;
  translate(args: readonly string[]): Translation;
}

/** Flags of those scripts that have no meaning here, with the reason. */
const withoutMeaning: Readonly<Record<string, string>> = {
  'fp16': 'precision is --matmul-precision here', 'bf16': 'precision is --matmul-precision here', 'tf32': 'precision is --matmul-precision here', 'half-precision-backend': 'precision is --matmul-precision here',
  'pad-to-max-length': 'batches hold no padding', 'group-by-length': 'batches hold no padding', 'line-by-line': 'a corpus is one sentence a line',
  'cache-dir': 'models are folders', 'use-fast-tokenizer': 'there is one tokenizer', 'model-revision': 'models are folders', 'token': 'models are folders', 'use-auth-token': 'models are folders', 'trust-remote-code': 'code from data is never run',
  'dataset-name': 'data is given by --data or --corpus', 'dataset-config-name': 'data is given by --data or --corpus', 'streaming': 'a corpus is always streamed', 'overwrite-cache': 'there is no cache of tokenized data to overwrite',
  'report-to': 'logs go to the output directory', 'logging-dir': 'logs go to the output directory', 'run-name': 'logs go to the output directory', 'logging-strategy': 'logs are written every --logging-steps', 'logging-first-step': 'logs are written every --logging-steps', 'log-level': 'see --quiet', 'disable-tqdm': 'see --quiet',
  'push-to-hub': 'nothing is uploaded', 'hub-model-id': 'nothing is uploaded', 'hub-token': 'nothing is uploaded',
  'dataloader-num-workers': 'batches are made in this process', 'dataloader-drop-last': 'fine-tuning takes all rows of an epoch, pretraining its whole steps', 'no-cuda': 'the engine is --engine', 'use-cpu': 'the engine is --engine', 'local-rank': 'one process trains', 'ddp-find-unused-parameters': 'one process trains', 'fsdp': 'one process trains', 'deepspeed': 'one process trains', 'gradient-checkpointing': 'activations are always kept', 'torch-compile': 'kernels are compiled at install', 'ignore-mismatched-sizes': 'a head of another size is always made anew', 'low-cpu-mem-usage': 'weights are read straight into place', 'torch-dtype': 'precision is --matmul-precision here', 'save-safetensors': 'weights are always safetensors', 'model-type': 'the type is in config.json', 'remove-unused-columns': 'only the needed columns are read', 'data-seed': 'the seed is --seed', 'full-determinism': 'runs are always reproducible', 'seed-worker': 'runs are always reproducible', 'prediction-loss-only': 'predictions are always written', 'include-inputs-for-metrics': 'metrics see predictions and labels',
};

/** Of these, and of none other, the flag stands alone or takes True/False. */
const switches = new Set([
  'do-train', 'do-eval', 'do-predict', 'overwrite', 'overwrite-output-dir', 'load-best-model-at-end', 'greater-is-better', 'resume', 'do-regression', 'whole-word-masking', 'span-masking', 'quiet', 'json',
  'fp16', 'bf16', 'tf32', 'pad-to-max-length', 'group-by-length', 'line-by-line', 'use-fast-tokenizer', 'trust-remote-code', 'streaming', 'overwrite-cache', 'logging-first-step', 'disable-tqdm', 'push-to-hub', 'dataloader-drop-last', 'no-cuda', 'use-cpu', 'gradient-checkpointing', 'torch-compile', 'ignore-mismatched-sizes', 'low-cpu-mem-usage', 'save-safetensors', 'remove-unused-columns', 'full-determinism', 'prediction-loss-only', 'include-inputs-for-metrics', 'use-auth-token', 'ddp-find-unused-parameters',
]);

const trainingFlags = [
  'per-device-train-batch-size', 'per-device-eval-batch-size', 'gradient-accumulation-steps', 'learning-rate', 'lr-scheduler-type', 'warmup-steps', 'warmup-ratio', 'weight-decay', 'adam-beta1', 'adam-beta2', 'adam-epsilon',
  'max-grad-norm', 'max-steps', 'num-train-epochs', 'logging-steps', 'eval-steps', 'save-steps', 'save-total-limit', 'seed', 'max-seq-length', 'output', 'overwrite', 'resume', 'model', 'engine', 'threads', 'matmul-precision', 'quiet', 'json',
];

interface Parsed {
  readonly flags: ReadonlyMap<string, string | true>;
  readonly notes: readonly string[];
}

/** Reads `--flag value` pairs; words before the first flag (python, the script's path, torchrun …) are left out. */
function parsePasted(command: string, args: readonly string[], known: ReadonlySet<string>): Parsed {
  const flags = new Map<string, string | true>();
  const notes: string[] = [];
  for (let i = args.findIndex((arg) => arg.startsWith('--')); i >= 0 && i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '\\' || arg.trim() === '') continue;
    if (!arg.startsWith('--')) throw new UsageError(`${command}: unexpected "${arg}"`, { hint: 'flags are written --name value' });
    const equals = arg.indexOf('=');
    const typed = arg.slice(2, equals < 0 ? undefined : equals);
    const name = canonicalFlag(command === 'run_mlm' ? 'pretrain' : 'finetune', typed);
    const next = args[i + 1];
    let value: string | true = true;
    if (equals >= 0) value = arg.slice(equals + 1);
    else if (next !== undefined && !next.startsWith('--') && (!switches.has(name) || /^(true|false)$/i.test(next))) {
      value = next;
      i += 1;
    }
    if (name === 'resume' && next !== undefined && value === true && !next.startsWith('--')) {
      notes.push(`--${typed} ${next}: a run goes on from the newest checkpoint of its own --output; this path is not read`);
      i += 1;
    }
    const reason = Object.hasOwn(withoutMeaning, name) ? withoutMeaning[name] : undefined;
    if (reason !== undefined) {
      notes.push(`--${typed} has no meaning here: ${reason}`);
      // Some of them take several values.
      while (!switches.has(name) && args[i + 1]?.startsWith('--') === false) i += 1;
    } else if (!known.has(name)) throw new UsageError(`${command}: unknown flag --${typed}.${didYouMean(name, [...known, ...aliasNames, ...Object.keys(withoutMeaning)])}`);
    else if (value === true && !switches.has(name)) throw new UsageError(`${command}: --${typed} needs a value`);
    else flags.set(name, value);
  }
  return { flags, notes };
}

const isOn = (value: string | true | undefined): boolean => value === true || (typeof value === 'string' && /^true$/i.test(value));

function toArgs(command: string, flags: ReadonlyMap<string, string | true>, leaveOut: readonly string[]): string[] {
  const args = [command];
  for (const [name, value] of flags) {
    if (leaveOut.includes(name) || (typeof value === 'string' && /^false$/i.test(value) && switches.has(name))) continue;
    args.push(`--${name}`);
    if (typeof value === 'string' && !switches.has(name)) args.push(value);
  }
  return args;
}

const phases = ['do-train', 'do-eval', 'do-predict'] as const;

function translateGlue(args: readonly string[]): Translation {
  const known = new Set([
    ...trainingFlags, ...phases, 'task', 'data', 'train-file', 'validation-file', 'file', 'text-column-names', 'label-column-name', 'metric-name', 'do-regression', 'label-smoothing-factor', 'max-train-samples', 'max-eval-samples', 'max-predict-samples',
    'eval-strategy', 'save-strategy', 'load-best-model-at-end', 'metric-for-best-model', 'greater-is-better', 'tokenizer', 'model-config', 'optimizer',
  ]);
  const { flags, notes } = parsePasted('run_glue', args, known);
  const dropped: string[] = [...phases];
  const extraNotes = [...notes];
  for (const name of ['tokenizer', 'model-config', 'greater-is-better']) {
    if (flags.has(name)) {
      dropped.push(name);
      extraNotes.push(`--${name} has no meaning here: ${name === 'greater-is-better' ? 'it follows from the metric' : 'tokenizer and config lie in the model folder'}`);
    }
  }
  const [train, evaluate, predict] = phases.map((phase) => isOn(flags.get(phase)));
  if (train === true) {
    // What the line leaves out is to mean what it means there.
    const defaults = ['--recipe', 'hf-defaults', ...(isOn(flags.get('load-best-model-at-end')) ? [] : ['--no-load-best-model-at-end']), ...(predict === true ? [] : ['--no-predict'])];
    return { args: [...toArgs('finetune', flags, dropped), ...defaults], notes: extraNotes };
  }
  if (evaluate !== true && predict !== true) throw new UsageError('run_glue: none of --do_train, --do_eval, --do_predict is given, so there is nothing to do');
  const command = evaluate === true ? 'evaluate' : 'predict';
  if (evaluate === true && predict === true) extraNotes.push('--do_predict: run `bertwright predict` for the test set');
  const shared = ['task', 'model', 'data', 'engine', 'threads', 'per-device-eval-batch-size', 'max-seq-length', 'text-column-names', 'label-column-name', 'quiet', 'json'];
  const keep = [...shared, ...(command === 'evaluate' ? ['validation-file', 'metric-name', 'max-eval-samples'] : ['file', 'max-predict-samples'])];
  const rest = toArgs(command, flags, [...flags.keys()].filter((name) => !keep.includes(name)));
  const output = flags.get('output');
  if (typeof output === 'string') rest.push('--output', `${output.replace(/\/+$/, '')}/${command === 'evaluate' ? 'eval_results.json' : 'predictions.jsonl'}`);
  return { args: rest, notes: extraNotes };
}

/** What run_mlm's flags mean where they are left out, as far as it differs from here. */
const mlmDefaults: Readonly<Record<string, string>> = { 'learning-rate': '5e-5', 'per-device-train-batch-size': '8', 'weight-decay': '0', 'validation-split-percentage': '5', 'short-seq-prob': '0' };

function translateMlm(args: readonly string[]): Translation {
  const known = new Set([
    ...trainingFlags, ...phases, 'corpus', 'validation-file', 'mlm-probability', 'tokenizer', 'model-config', 'config-overrides', 'optimizer', 'workers', 'validation-split-percentage', 'max-train-samples', 'max-eval-samples', 'whole-word-masking', 'span-masking', 'eval-strategy', 'save-strategy', 'load-best-model-at-end', 'metric-for-best-model', 'greater-is-better',
  ]);
  const { flags, notes } = parsePasted('run_mlm', args, known);
  const extraNotes = [...notes];
  const dropped: string[] = [...phases];
  const unsupported: Readonly<Record<string, string>> = {
    'validation-file': 'a share of the corpus is held out; see --validation-split-percentage', 'max-train-samples': 'see --max-steps',
    'eval-strategy': 'see --eval-steps', 'save-strategy': 'see --save-steps', 'load-best-model-at-end': 'the last model is kept', 'metric-for-best-model': 'the last model is kept', 'greater-is-better': 'the last model is kept',
  };
  for (const [name, reason] of Object.entries(unsupported)) {
    if (!flags.has(name)) continue;
    dropped.push(name);
    extraNotes.push(`--${name} has no meaning here: ${reason}`);
  }
  if (!flags.has('corpus')) throw new UsageError('run_mlm: --train_file is missing', { hint: 'give the text file to train on; data sets of a hub are not loaded here' });
  const result = toArgs('pretrain', flags, dropped);
  // run_mlm knows no next-sentence task.
  result.push('--next-sentence', 'none');
  if (!flags.has('max-seq-length')) extraNotes.push("--max_seq_length is not given: 128 tokens here, where run_mlm takes the tokenizer's longest input");
  const warmup = flags.has('warmup-steps') || flags.has('warmup-ratio') ? [] : ['warmup-ratio'];
  for (const name of [...Object.keys(mlmDefaults), ...warmup]) if (!flags.has(name)) result.push(`--${name}`, mlmDefaults[name] ?? '0');
  const model = flags.get('model');
  if (!flags.has('tokenizer') && typeof model === 'string') result.push('--tokenizer', model);
  return { args: result, notes: extraNotes };
}

export const pastedCommands: readonly PastedCommand[] = [
  {
    names: ['run_glue', 'run_glue.py'],
    help: "bertwright run_glue LINE\n\nTakes a whole run_glue.py line, prints its translation, names each flag that has no meaning here, and runs it.\n\n  bertwright run_glue --model_name_or_path runs/pretrain --task_name mrpc --do_train --do_eval --learning_rate 2e-5 --output_dir runs/mrpc",
    translate: translateGlue,
  },
  {
    names: ['run_mlm', 'run_mlm.py'],
    help: "bertwright run_mlm LINE\n\nTakes a whole run_mlm.py line, prints its translation, names each flag that has no meaning here, and runs it.\n\n  bertwright run_mlm --train_file corpus.txt --tokenizer_name tokenizer --config_name mini --do_train --output_dir runs/pretrain",
    translate: translateMlm,
  },
];
