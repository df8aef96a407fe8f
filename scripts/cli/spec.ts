/** How a command describes itself: its flags as data, and what it runs. */
import type { Settings } from './settings.js';

export interface OptionSpec {
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  readonly describe: string;
  /** Used where neither the command line nor the configuration file sets the flag. */
  readonly default?: string | number | boolean;
  /** Of a text: its value where the flag stands without one. */
  readonly bare?: string;
  /** Of a number: only whole ones of 0 or more. */
  readonly whole?: boolean;
  readonly choices?: readonly string[];
  /** Of a text: the folder with a configuration file of each choice; its settings come before defaults and after all that the user set. */
  readonly settingsIn?: string;
  /** One-letter form. */
  readonly letter?: string;
  readonly required?: boolean;
  /** Heading in the help. */
  readonly group?: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Words after the command's name, as the help shows them; handed to `run` as they are. */
  readonly positional?: { readonly name: string; readonly describe: string; readonly required: boolean; readonly many: boolean };
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly (readonly [command: string, what: string])[];
  run(settings: Settings, words: readonly string[]): Promise<void>;
}
