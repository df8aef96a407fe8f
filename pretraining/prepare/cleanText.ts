/** BERT's cleaning of raw text (Devlin et al., 2019, their tokenizer's code) for tokenizers that do not do it themselves. */
import { charData, charFlags } from '../../src/tokenizer/charClasses.js';

/** Anything but letters, digits and signs of ASCII with single blanks between them. */
const unclean = /[^ -~]| {2}|^ | $/;

/** Control characters, U+0000 and U+FFFD dropped, stretches of white space as one blank, none around the text. */
export function cleanText(text: string): string {
  if (!unclean.test(text)) return text;
  const { flagsOf } = charData();
  let cleaned = '';
  let blank = false;
  for (const character of text) {
    const flags = flagsOf[character.codePointAt(0) ?? 0] ?? 0;
    if ((flags & charFlags.removed) !== 0) continue;
    if ((flags & charFlags.space) !== 0) {
      blank = true;
      continue;
    }
    if (blank && cleaned !== '') cleaned += ' ';
    cleaned += character;
    blank = false;
  }
  return cleaned;
}
