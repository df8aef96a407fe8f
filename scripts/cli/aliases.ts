/**
 * Flag names of run_glue.py, run_mlm.py and TrainingArguments (transformers 4.x and 5.x), accepted for the same meaning.
 * Any flag may be written with underscores; this table names those that are called otherwise here.
 */
const sharedAliases: Readonly<Record<string, string>> = {
  'model-name-or-path': 'model',
  'task-name': 'task',
  'output-dir': 'output',
  'tokenizer-name': 'tokenizer',
  'config-name': 'model-config',
  'optim': 'optimizer',
  'resume-from-checkpoint': 'resume',
  'preprocessing-num-workers': 'workers',
  'overwrite-output-dir': 'overwrite',
  'evaluation-strategy': 'eval-strategy',
  'test-file': 'file',
  'data-dir': 'data',
  'max-length': 'max-seq-length',
  'whole-word-mask': 'whole-word-masking',
  'min-lr-rate': 'min-lr-ratio',
};

/** Aliases that hold for one command only. */
const commandAliases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  pretrain: { 'train-file': 'corpus' },
  prepare: { 'train-file': 'corpus' },
  vocab: { 'train-file': 'corpus' },
};

/** Names that other tools use, for near matches. */
export const aliasNames: readonly string[] = Object.keys(sharedAliases);

/** Values that other tools spell otherwise. */
const valueAliases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  optimizer: { adamw_torch: 'adamw', adamw_torch_fused: 'adamw', adamw_hf: 'adamw' },
};

/** The spelling here of a flag's value; `name` is the flag's name here. */
export function canonicalValue(name: string, value: string): string {
  const spelled = Object.hasOwn(valueAliases, name) ? valueAliases[name] : undefined;
  return spelled !== undefined && Object.hasOwn(spelled, value) ? (spelled[value] ?? value) : value;
}

/** The name here of a flag as typed, without its leading hyphens. */
export function canonicalFlag(command: string | undefined, flag: string): string {
  const negated = flag.startsWith('no-') || flag.startsWith('no_');
  const name = (negated ? flag.slice(3) : flag).replaceAll('_', '-');
  const own = command === undefined ? undefined : commandAliases[command];
  const canonical = own !== undefined && Object.hasOwn(own, name) ? own[name] : Object.hasOwn(sharedAliases, name) ? sharedAliases[name] : name;
  return negated ? `no-${canonical}` : (canonical ?? name);
}

/** Rewrites the flags of a command line to their names here; everything else stays as it is. */
export function canonicalArguments(args: readonly string[]): string[] {
  const command = args.find((arg) => !arg.startsWith('-'));
  let rest = false;
  let previous = '';
  return args.map((arg) => {
    if (arg === '--') rest = true;
    const flagBefore = previous;
    previous = '';
    if (rest || !arg.startsWith('--') || arg.length < 4) return canonicalValue(flagBefore, arg);
    const equals = arg.indexOf('=');
    const flag = arg.slice(2, equals < 0 ? undefined : equals);
    const name = canonicalFlag(command, flag);
    if (equals < 0) {
      previous = name;
      return `--${name}`;
    }
    return `--${name}=${canonicalValue(name, arg.slice(equals + 1))}`;
  });
}
