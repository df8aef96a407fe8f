/** Parses a command line with yargs and runs the command. Heavy modules load only inside a command's `run`. */
import { UsageError } from '../../src/data/errors.js';
import { didYouMean } from '../../src/data/nearMatch.js';
import { commands } from '../commands/index.js';
import { aliasNames, canonicalArguments } from './aliases.js';
import { commandHelp } from './help.js';
import { commonOptions } from './options.js';
import { printJson, printLine } from './output.js';
import { pastedCommands } from './pasted.js';
import { resolveSettings, type Settings } from './settings.js';
import { shellQuote } from './shellQuote.js';
import type { CommandSpec, OptionSpec } from './spec.js';
import { terminalText } from './terminalText.js';
import { packageVersion } from './version.js';

/** Runs one command line (without node and script). Throws the errors of src/data/errors.ts. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const first = args[0];
  if (first === 'help' && args.length === 2) return runCommandLine([args[1] ?? '', '--help']);
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    printLine(await overview());
    return;
  }
  if (first === '--version' || first === 'version') {
    printLine(packageVersion());
    return;
  }
  const pasted = pastedCommands.find(({ names }) => names.includes(first));
  if (pasted !== undefined) {
    if (args.includes('--help') || args.includes('-h')) {
      printLine(pasted.help);
      return;
    }
    const translation = pasted.translate(args.slice(1));
    for (const note of translation.notes) console.error(terminalText(note));
    console.error(terminalText(`bertwright ${translation.args.map(shellQuote).join(' ')}`));
    return runCommandLine(translation.args);
  }
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) {
    const names = [...commands.map(({ name }) => name), ...pastedCommands.flatMap(({ names }) => names)];
    throw new UsageError(first.startsWith('-') ? `the command must come before its flags (found ${first})` : `unknown command "${first}".${didYouMean(first, names)}`, {
      hint: `commands: ${commands.map(({ name }) => name).join(', ')}; bertwright --help shows what each does`,
    });
  }
  const canonical = canonicalArguments(args);
  if (canonical.includes('--help') || canonical.includes('-h')) {
    printLine(commandHelp(command, allOptions(command), Math.min(120, process.stdout.columns ?? 100)));
    return;
  }
  const { settings, words } = await parseCommand(command, canonical.slice(1), ['bertwright', ...args].map(shellQuote).join(' '));
  if (settings.boolean('print-config') === true) {
    printConfig(settings, Object.keys(allOptions(command)));
    return;
  }
  await command.run(settings, words);
}

function printConfig(settings: Settings, names: readonly string[]): void {
  const rows = settings.explain(names);
  if (settings.boolean('json') === true) {
    printJson(Object.fromEntries(rows.map(({ name, ...row }) => [name, row])));
    return;
  }
  const width = Math.max(...names.map((name) => name.length));
  for (const { name, value, origin } of rows) printLine(`${name.padEnd(width)}  ${value === null ? '-' : JSON.stringify(value)}  (${origin})`);
}

/** All options of a command, its own first. */
export function allOptions(command: CommandSpec): Readonly<Record<string, OptionSpec>> {
  return { ...command.options, ...commonOptions };
}

/** yargs for one command. Numbers stay text, so that a wrong one can be named as it was typed. */
async function parserOf(command: CommandSpec) {
  const { default: yargs } = await import('yargs');
  const parser = yargs([])
    .help(false)
    .version(false)
    .exitProcess(false)
    .parserConfiguration({ 'camel-case-expansion': false, 'parse-positional-numbers': false, 'strip-aliased': true, 'dot-notation': false, 'greedy-arrays': true });
  for (const [name, option] of Object.entries(allOptions(command))) {
    parser.option(name, {
      type: option.type === 'list' ? 'array' : option.type === 'number' ? 'string' : option.type,
      ...(option.type === 'list' ? { string: true } : {}),
      ...(option.type === 'boolean' || option.bare !== undefined ? {} : { requiresArg: true }),
      ...(option.letter === undefined ? {} : { alias: option.letter }),
    });
  }
  return parser;
}

/** The settings and positional words of a command; unknown flags are a UsageError with the near match. */
export async function parseCommand(command: CommandSpec, args: readonly string[], commandLine: string): Promise<{ settings: Settings; words: readonly string[] }> {
  const options = allOptions(command);
  const parser = await parserOf(command);
  const argv = await parser
    .fail((message, error) => {
      const valueless = /^Not enough arguments following: (.+)$/.exec(message ?? '')?.[1];
      throw new UsageError(valueless === undefined ? (message ?? error.message) : `${command.name}: --${valueless} needs a value`, { hint: `bertwright ${command.name} --help lists its flags` });
    })
    .parseAsync([...args]);
  const typed = new Map<string, unknown>();
  const letters = new Set(Object.values(options).flatMap((option) => option.letter ?? []));
  for (const [name, value] of Object.entries(argv)) {
    if (name === '_' || name === '$0' || value === undefined || letters.has(name)) continue;
    if (!Object.hasOwn(options, name)) {
      throw new UsageError(`${command.name}: unknown flag --${name}.${didYouMean(name, [...Object.keys(options), ...aliasNames])}`, { hint: `bertwright ${command.name} --help lists its flags` });
    }
    // A flag that is repeated adds to a list; of any other the last one counts.
    typed.set(name, Array.isArray(value) && options[name]?.type !== 'list' ? value.at(-1) : value);
  }
  const words = argv._.map(String);
  checkWords(command, words);
  return { settings: resolveSettings(command.name, options, typed, commandLine), words };
}

function checkWords(command: CommandSpec, words: readonly string[]): void {
  const { positional } = command;
  if (words.length > (positional === undefined ? 0 : positional.many ? Number.POSITIVE_INFINITY : 1)) {
    const extra = words[positional === undefined ? 0 : 1] ?? '';
    throw new UsageError(`${command.name}: unexpected "${extra}"`, { hint: `bertwright ${command.name} --help shows its form` });
  }
  if (positional?.required === true && words.length === 0) {
    throw new UsageError(`${command.name}: ${positional.name} is missing`, { hint: positional.describe });
  }
}

async function overview(): Promise<string> {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary.split('\n')[0] ?? ''}`);
  return [
    `bertwright ${packageVersion()}: pretrain BERT encoders, fine-tune them on GLUE, write the benchmark tables`,
    '',
    'bertwright COMMAND [flags]; bertwright COMMAND --help shows its flags and examples',
    '',
    ...lines,
    `  ${'run_glue'.padEnd(width)}  take a pasted run_glue.py line`,
    `  ${'run_mlm'.padEnd(width)}  take a pasted run_mlm.py line`,
    '',
    'Start here:',
    '  bertwright quickstart     the whole chain on the data shipped with it, in minutes',
    '  bertwright doctor         which engines work on this machine, and why not the others',
  ].join('\n');
}
