/** Flags that several commands share. */
import type { OptionSpec } from './spec.js';

const common = 'Common';
const training = 'Training';

/** Of every command. */
export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  json: { type: 'boolean', describe: 'one JSON document on stdout', group: common },
  quiet: { type: 'boolean', describe: 'no progress', group: common },
  config: { type: 'string', describe: 'JSON file with any flags as keys (comments allowed); flags on the command line win', group: common },
  'print-config': { type: 'boolean', describe: 'show every setting and where it came from, then stop', group: common },
};

/** Of every command that computes with tensors. */
export const engineOptions: Readonly<Record<string, OptionSpec>> = {
  engine: { type: 'string', describe: 'what runs the tensors', choices: ['auto', 'native', 'gpu', 'tensorflow', 'wasm', 'cpu'], default: 'auto', group: common },
  threads: { type: 'number', describe: 'threads of the native engine (default: as many as affinity, CPU quota and physical cores allow)', group: common },
  'matmul-precision': { type: 'string', describe: 'bf16 rounds matrix products (training only, where the machine has it)', choices: ['highest', 'bf16', 'auto'], default: 'auto', group: common },
};

/** Of every command that trains. */
export const profileOption: Readonly<Record<string, OptionSpec>> = {
  profile: { type: 'string', bare: 'profile.json', describe: 'print the time of each operation, and write a Chrome trace (chrome://tracing, Perfetto) to FILE (default: profile.json)', group: common },
};

/** Of every command that draws random numbers. */
export const seedOption: Readonly<Record<string, OptionSpec>> = {
  seed: { type: 'number', whole: true, describe: 'seed of every random choice', default: 42, group: common },
};

/** Of commands that write a run directory. */
export const runOptions: Readonly<Record<string, OptionSpec>> = {
  output: { type: 'string', describe: 'output directory', letter: 'o', required: true },
  overwrite: { type: 'boolean', describe: 'start anew in an output directory that holds a run' },
  resume: { type: 'boolean', describe: 'go on from the last checkpoint (also done without this flag where the settings are the same)' },
  'accept-changed': { type: 'list', describe: 'settings that may differ from those of the run that is resumed' },
};

/** The optimizer and the loop, for pretrain and finetune. */
export const trainingOptions: Readonly<Record<string, OptionSpec>> = {
  'per-device-train-batch-size': { type: 'number', describe: 'sequences in a batch', group: training },
  'tokens-per-batch': { type: 'number', describe: 'size of a batch in tokens instead of sequences: as many as fit, padding not counted', group: training },
  'per-device-eval-batch-size': { type: 'number', describe: 'sequences in an evaluation batch', group: training },
  'gradient-accumulation-steps': { type: 'number', describe: 'batches summed into one optimizer step', group: training },
  'learning-rate': { type: 'number', describe: 'peak learning rate', group: training },
  'lr-scheduler-type': { type: 'string', describe: 'shape of the learning rate', choices: ['linear', 'cosine', 'constant', 'constant_with_warmup', 'linear-bert'], group: training },
  'warmup-steps': { type: 'number', describe: 'steps of warm-up; below 1 a share of all steps', group: training },
  'warmup-ratio': { type: 'number', describe: 'share of all steps that warm up', group: training },
  'weight-decay': { type: 'number', describe: 'decoupled weight decay (not on biases and LayerNorm)', group: training },
  'adam-beta1': { type: 'number', describe: 'decay of the first moment', group: training },
  'adam-beta2': { type: 'number', describe: 'decay of the second moment', group: training },
  'adam-epsilon': { type: 'number', describe: 'added to the root of the second moment', group: training },
  'max-grad-norm': { type: 'number', describe: 'clip gradients to this global norm', group: training },
  'max-steps': { type: 'number', describe: 'optimizer steps (instead of epochs)', group: training },
  'num-train-epochs': { type: 'number', describe: 'passes over the training data', group: training },
  'logging-steps': { type: 'number', describe: 'steps between log lines; below 1 a share of all steps', group: training },
  'eval-steps': { type: 'number', describe: 'steps between evaluations; below 1 a share of all steps', group: training },
  'save-steps': { type: 'number', describe: 'steps between checkpoints; below 1 a share of all steps', group: training },
  'save-total-limit': { type: 'number', describe: 'checkpoints to keep', group: training },
};

/** Where GLUE data lies; `$GLUE_DIR`, then ./glue_data where the flag is not given. */
export const glueDataOption: Readonly<Record<string, OptionSpec>> = {
  data: { type: 'string', describe: 'folder with CoLA, SST-2, … (default: $GLUE_DIR, then ./glue_data)' },
};
