/** Flags of the comparison scripts: `--name VALUE` and switches; what is wrong is a UsageError that names the flag. */
import { parseArgs } from 'node:util';
import { UsageError } from '../../../src/data/errors.js';

/** The flags as given, read by name. */
export interface ScriptFlags<Name extends string, Switch extends string> {
  /** Its text; undefined where it is not given. */
  text(name: Name): string | undefined;
  /** Its text, which must be given. */
  required(name: Name): string;
  /** A whole number of at least 1. */
  whole(name: Name, fallback: number): number;
  /** One of `choices`. */
  choice<Choice extends string>(name: Name, choices: readonly Choice[], fallback: Choice): Choice;
  /** A list with commas, each one of `choices`; undefined where it is not given. */
  list<Choice extends string>(name: Name, choices: readonly Choice[]): Choice[] | undefined;
  has(name: Switch): boolean;
}

/** One of `choices`, or a UsageError that names the flag. */
export function checkedChoice<Choice extends string>(name: string, value: string | undefined, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new UsageError(`--${name} ${value}: expected ${choices.join(', ')}`);
  return found;
}

/** A whole number of at least 1, or a UsageError that names the flag. */
export function checkedWhole(name: string, value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new UsageError(`--${name} ${value}: expected a whole number of at least 1`);
  return Number(value);
}

/** Reads the script's arguments; any other flag is a UsageError with the list of those there are. */
export function readScriptFlags<Name extends string, Switch extends string = never>(names: readonly Name[], switches: readonly Switch[] = []): ScriptFlags<Name, Switch> {
  const hint = `flags: ${[...names, ...switches].map((name) => `--${name}`).join(' ')}`;
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ options: Object.fromEntries([...names.map((name) => [name, { type: 'string' }] as const), ...switches.map((name) => [name, { type: 'boolean' }] as const)]) }));
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { hint });
  }
  const text = (name: Name): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    text,
    required(name) {
      const value = text(name);
      if (value === undefined) throw new UsageError(`--${name} is not given`, { hint });
      return value;
    },
    whole: (name, fallback) => checkedWhole(name, text(name) ?? String(fallback)),
    choice: (name, choices, fallback) => checkedChoice(name, text(name) ?? fallback, choices),
    list: (name, choices) => text(name)?.split(',').map((item) => checkedChoice(name, item, choices)),
    has: (name) => values[name] === true,
  };
}
