/**
 * The settings of one command: command line over configuration file over a named recipe over defaults, each with where it came from.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { IoError, UsageError } from '../../src/data/errors.js';
import { didYouMean } from '../../src/data/nearMatch.js';
import { parseJsonObject } from '../../src/data/strictJson.js';
import { aliasNames, canonicalFlag, canonicalValue } from './aliases.js';
import type { OptionSpec } from './spec.js';

type Value = string | number | boolean | readonly string[];
type Origin = 'command line' | 'configuration file' | 'recipe' | 'default';

export class Settings {
  readonly #values: ReadonlyMap<string, { readonly value: Value; readonly origin: Origin }>;
  /** The whole command line, for records and reports. */
  readonly commandLine: string;

  constructor(values: ReadonlyMap<string, { readonly value: Value; readonly origin: Origin }>, commandLine: string) {
    this.#values = values;
    this.commandLine = commandLine;
  }

  /** A text flag, or undefined where it is not set. */
  string(name: string): string | undefined {
    const value = this.#values.get(name)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  /** A numeric flag, or undefined where it is not set. */
  number(name: string): number | undefined {
    const value = this.#values.get(name)?.value;
    return typeof value === 'number' ? value : undefined;
  }

  /** An on/off flag, or undefined where it is not set. */
  boolean(name: string): boolean | undefined {
    const value = this.#values.get(name)?.value;
    return typeof value === 'boolean' ? value : undefined;
  }

  /** A flag that takes several values (repeated, or separated by commas), or undefined where it is not set. */
  list(name: string): readonly string[] | undefined {
    const value = this.#values.get(name)?.value;
    return Array.isArray(value) ? (value as readonly string[]) : undefined;
  }

  /** A text flag that must be set; `hint` says how. */
  requiredString(name: string, hint: string): string {
    const value = this.string(name);
    if (value === undefined) throw new UsageError(`--${name} is missing`, { hint });
    return value;
  }

  /** The flags of the given names with their values and origins, sorted: for `--print-config`. One without a value has null. */
  explain(names: Iterable<string>): { readonly name: string; readonly value: Value | null; readonly origin: Origin | 'not set' }[] {
    return [...names].sort().map((name) => ({ name, ...(this.#values.get(name) ?? { value: null, origin: 'not set' }) }));
  }
}

/** Removes `//` and block comments outside strings, keeping line and column of everything else. */
export function stripJsonComments(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match) => (match.startsWith('"') ? match : match.replaceAll(/[^\n]/g, ' ')));
}

/** Reads a configuration file of a command: a JSON object whose keys are flags (in any spelling, those of transformers too), comments allowed. */
function readConfigFile(command: string, file: string, options: Readonly<Record<string, OptionSpec>>): Map<string, Value> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const hint = 'give an existing JSON file with --config';
    if (existsSync(file)) throw new IoError(`cannot read the configuration ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause, hint });
    const folder = path.dirname(file);
    throw new UsageError(`no configuration file ${file}.${didYouMean(path.basename(file), existsSync(folder) ? readdirSync(folder) : [])}`, { cause, hint });
  }
  const parsed = parseJsonObject(stripJsonComments(text), { file, hint: 'a configuration is a JSON object whose keys are flags; comments are allowed' });
  const values = new Map<string, Value>();
  for (const [key, value] of Object.entries(parsed)) {
    const name = canonicalFlag(command, key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) throw new UsageError(`${file}: unknown key "${key}".${didYouMean(name, [...Object.keys(options), ...aliasNames])}`, { hint: 'keys are the names of the command’s flags' });
    if (values.has(name)) throw new UsageError(`${file}: "${key}" sets --${name} a second time`);
    values.set(name, checkedValue(name, option, typeof value === 'string' ? canonicalValue(name, value) : value, `${file}: "${key}"`));
  }
  return values;
}

/** A value of the option's type, or a UsageError that names who, what was found and what was expected. */
export function checkedValue(name: string, option: OptionSpec, value: unknown, who = `--${name}`): Value {
  const found = JSON.stringify(value) ?? String(value);
  switch (option.type) {
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof number !== 'number' || Number.isNaN(number)) throw new UsageError(`${who}: ${found} is not a number`);
      if (option.whole === true && !(Number.isSafeInteger(number) && number >= 0)) throw new UsageError(`${who}: ${found} is not a whole number of 0 or more`);
      return number;
    }
    case 'boolean':
      if (value === 'true' || value === 'True') return true;
      if (value === 'false' || value === 'False') return false;
      if (typeof value !== 'boolean') throw new UsageError(`${who}: ${found} is neither true nor false`);
      return value;
    case 'list': {
      const parts = (Array.isArray(value) ? value : [value]).flatMap((part) => String(part).split(',')).map((part) => part.trim()).filter((part) => part !== '');
      if (parts.length === 0) throw new UsageError(`${who}: no value given`);
      return parts;
    }
    default: {
      if (option.bare !== undefined && (value === '' || value === true)) return option.bare;
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text !== 'string' || text === '') throw new UsageError(`${who}: ${found}, expected a text`);
      if (option.choices !== undefined && !option.choices.includes(text)) {
        throw new UsageError(`${who}: unknown choice "${text}".${didYouMean(text, option.choices)}`, { hint: `choices: ${option.choices.join(', ')}` });
      }
      return text;
    }
  }
}

/** Puts command line, configuration file, recipe and defaults of a command together. With --print-config nothing is missing: nothing runs. */
export function resolveSettings(command: string, options: Readonly<Record<string, OptionSpec>>, typed: ReadonlyMap<string, unknown>, commandLine: string): Settings {
  const values = new Map<string, { value: Value; origin: Origin }>();
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined) values.set(name, { value: option.default, origin: 'default' });
  }
  const config = typed.get('config');
  const configured: ReadonlyMap<string, Value> = typeof config === 'string' ? readConfigFile(command, config, options) : new Map();
  const given = new Map<string, Value>();
  for (const [name, value] of typed) {
    const option = options[name];
    if (option !== undefined) given.set(name, checkedValue(name, option, value));
  }
  for (const [name, { settingsIn }] of Object.entries(options)) {
    const recipe = given.get(name) ?? configured.get(name);
    if (settingsIn === undefined || typeof recipe !== 'string') continue;
    for (const [key, value] of readConfigFile(command, path.join(settingsIn, `${recipe}.json`), options)) values.set(key, { value, origin: 'recipe' });
  }
  for (const [name, value] of configured) values.set(name, { value, origin: 'configuration file' });
  for (const [name, value] of given) values.set(name, { value, origin: 'command line' });
  for (const [name, option] of Object.entries(options)) {
    if (option.required === true && !values.has(name) && values.get('print-config')?.value !== true) throw new UsageError(`--${name} is missing`, { hint: option.describe });
  }
  return new Settings(values, commandLine);
}
