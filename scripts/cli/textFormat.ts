/** Flags of `prepare` and `pretrain --corpus` for how the text is laid out in its files. */
import type { TextFormatOptions } from '../../pretraining/prepare/options.js';
import type { Settings } from './settings.js';
import type { OptionSpec } from './spec.js';

const group = 'Text';

export const textFormatOptions: Readonly<Record<string, OptionSpec>> = {
  documents: { type: 'string', describe: 'what ends a document in plain text, beside the end of a file (default: blank-line)', choices: ['blank-line', 'line'], group },
  'text-key': { type: 'string', describe: 'key of the text in .jsonl records (default: text)', group },
  'split-sentences': { type: 'boolean', describe: 'lines are running text: split them into sentences', group },
  'unicode-normalization': { type: 'string', describe: 'before anything else (default: none)', choices: ['none', 'nfc', 'nfkc'], group },
  'drop-repeated': { type: 'string', describe: 'of equal lines, documents or both keep the first only (default: none)', choices: ['none', 'lines', 'documents', 'both'], group },
  workers: { type: 'number', describe: 'threads that tokenize; the result is the same for any number (default: one a core)', whole: true, group },
};

/** Their values; undefined where none is given. */
export function readTextFormat(settings: Settings): TextFormatOptions | undefined {
  const format = {
    documents: oneOf(['blank-line', 'line'], settings.string('documents')),
    textKey: settings.string('text-key'),
    splitSentences: settings.boolean('split-sentences'),
    unicodeNormalization: oneOf(['none', 'nfc', 'nfkc'], settings.string('unicode-normalization')),
    dropRepeated: oneOf(['none', 'lines', 'documents', 'both'], settings.string('drop-repeated')),
    workers: settings.number('workers'),
  };
  return Object.values(format).every((value) => value === undefined) ? undefined : format;
}

/** The choice that a text is. */
export function oneOf<T extends string>(choices: readonly T[], value: string | undefined): T | undefined {
  return choices.find((choice) => choice === value);
}
