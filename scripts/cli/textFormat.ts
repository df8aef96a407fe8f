/** Flags of `prepare` and `pretrain --corpus` for how the text is laid out in its files. */
import type { TextFormatOptions } from '../../pretraining/prepare/options.js';
import type { Settings } from './settings.js';
import type { OptionSpec } from './spec.js';

const group = 'Text';
const documentEnds = ['blank-line', 'line'] as const;
const normalizations = ['none', 'nfc', 'nfkc'] as const;
const repeats = ['none', 'lines', 'documents', 'both'] as const;

export const textFormatOptions: Readonly<Record<string, OptionSpec>> = {
  documents: { type: 'string', describe: 'what ends a document in plain text, beside the end of a file (default: blank-line)', choices: documentEnds, group },
  'text-key': { type: 'string', describe: 'key of the text in .jsonl records (default: text)', group },
  'split-sentences': { type: 'boolean', describe: 'lines are running text: split them into sentences', group },
  'unicode-normalization': { type: 'string', describe: 'before anything else (default: none)', choices: normalizations, group },
  'drop-repeated': { type: 'string', describe: 'of equal lines, documents or both keep the first only (default: none)', choices: repeats, group },
  workers: { type: 'number', describe: 'threads that tokenize; the result is the same for any number (default: one a core)', whole: true, group },
};

/** Their values; undefined where none is given. */
export function readTextFormat(settings: Settings): TextFormatOptions | undefined {
  const format = {
    documents: oneOf(documentEnds, settings.string('documents')),
    textKey: settings.string('text-key'),
    splitSentences: settings.boolean('split-sentences'),
    unicodeNormalization: oneOf(normalizations, settings.string('unicode-normalization')),
    dropRepeated: oneOf(repeats, settings.string('drop-repeated')),
    workers: settings.number('workers'),
  };
  return Object.values(format).every((value) => value === undefined) ? undefined : format;
}

/** The choice that a text is. */
export function oneOf<T extends string>(choices: readonly T[], value: string | undefined): T | undefined {
  return choices.find((choice) => choice === value);
}
