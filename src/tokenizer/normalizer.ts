/**
 * BERT's text normalizer, as the Rust library's BertNormalizer: drop control characters, set CJK between blanks, strip
 * accents (NFD without nonspacing marks), lower case, in this order, character by character. Splitting into words is
 * left to wordScanner.ts, which calls this only for words that it has not seen and for stretches that need reordering.
 */
import { type CharData, charData, charFlags, decompose } from './charClasses.js';

export interface NormalizerOptions {
  /** Drop control characters and turn white space into blanks. */
  readonly cleanText: boolean;
  /** Set CJK ideographs between blanks. */
  readonly tokenizeChineseChars: boolean;
  readonly stripAccents: boolean;
  readonly lowercase: boolean;
}

/** What the scanner does with a character, by its raw code point; see `scanClasses`. */
export const scanClass = { word: 0, space: 1, single: 2 } as const;

export class BertNormalizer {
  readonly options: NormalizerOptions;
  /**
   * By raw code point, [0x110000]: `space` = splits and is dropped, `single` = stands alone, `word` = the rest. What normalizing does
   * never reaches over a space or a single (marks are not reordered across them), so that each stretch of `word` can be normalized,
   * split and looked up by itself.
   */
  readonly scanClasses: Uint8Array;
  readonly #data: CharData;

  constructor(options: NormalizerOptions) {
    this.options = options;
    this.#data = charData();
    this.scanClasses = this.#classify();
  }

  /** The normalized text. */
  normalize(text: string): string {
    const { cleanText, tokenizeChineseChars, stripAccents, lowercase } = this.options;
    const { flagsOf } = this.#data;
    let points: number[] = [];
    for (const character of text) {
      let point = character.codePointAt(0) ?? 0;
      if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
      const flags = flagsOf[point] ?? 0;
      if (cleanText) {
        if ((flags & charFlags.removed) !== 0) continue;
        if ((flags & charFlags.space) !== 0) point = 0x20;
      }
      if (tokenizeChineseChars && (flags & charFlags.cjk) !== 0) points.push(0x20, point, 0x20);
      else points.push(point);
    }
    if (stripAccents) points = this.#decomposeAndStrip(points);
    if (lowercase) points = this.#lower(points);
    return fromPoints(points);
  }

  #decomposeAndStrip(points: readonly number[]): number[] {
    const { flagsOf, combiningClass } = this.#data;
    const full: number[] = [];
    for (const point of points) decompose(point, this.#data, full);
    // Canonical ordering: a stable sort by combining class of each run of classes other than 0.
    const rank = (point: number | undefined): number => combiningClass.get(point ?? 0) ?? 0;
    for (let start = 0; start < full.length; start++) {
      if (rank(full[start]) === 0) continue;
      let end = start + 1;
      while (end < full.length && rank(full[end]) !== 0) end += 1;
      if (end - start > 1) {
        const run = full.slice(start, end).sort((a, b) => rank(a) - rank(b));
        for (let i = start; i < end; i++) full[i] = run[i - start] ?? 0;
      }
      start = end;
    }
    return full.filter((point) => ((flagsOf[point] ?? 0) & charFlags.stripped) === 0);
  }

  #lower(points: readonly number[]): number[] {
    return points.flatMap((point) => this.#data.lowercase.get(point) ?? point);
  }

  #classify(): Uint8Array {
    const { flagsOf } = this.#data;
    const { cleanText, tokenizeChineseChars, stripAccents, lowercase } = this.options;
    const classes = new Uint8Array(flagsOf.length);
    const mapped = (stripAccents ? charFlags.decomposed | charFlags.stripped | charFlags.combining : 0) | (lowercase ? charFlags.lowered : 0);
    for (let point = 0; point < classes.length; point++) {
      const flags = flagsOf[point] ?? 0;
      if (flags === 0 || (cleanText && (flags & charFlags.removed) !== 0)) continue;
      if ((flags & charFlags.space) !== 0) classes[point] = scanClass.space;
      else if (tokenizeChineseChars && (flags & charFlags.cjk) !== 0) classes[point] = scanClass.single;
      else if ((flags & charFlags.punctuation) !== 0 && (flags & mapped) === 0) classes[point] = scanClass.single;
    }
    return classes;
  }

  /** The words of one stretch: normalized, then split. Mostly one; none where all of it is dropped. */
  words(stretch: string): string[] {
    // Most need nothing more.
    if (/^[0-9A-Za-z]+$/.test(stretch)) return [this.options.lowercase ? stretch.toLowerCase() : stretch];
    return this.#split(this.normalize(stretch));
  }

  /** Splits text that is normalized already at white space and around punctuation, as the Rust library's BertPreTokenizer. */
  #split(text: string): string[] {
    const { flagsOf } = this.#data;
    const words: string[] = [];
    let start = 0;
    let at = 0;
    for (const character of text) {
      const flags = flagsOf[character.codePointAt(0) ?? 0] ?? 0;
      const end = at + character.length;
      if ((flags & (charFlags.space | charFlags.punctuation)) !== 0) {
        if (at > start) words.push(text.slice(start, at));
        if ((flags & charFlags.space) === 0) words.push(character);
        start = end;
      }
      at = end;
    }
    if (at > start) words.push(text.slice(start));
    return words;
  }
}

function fromPoints(points: readonly number[]): string {
  // fromCodePoint takes its arguments on the stack, so a long text goes in pieces.
  let text = '';
  for (let i = 0; i < points.length; i += 4096) text += String.fromCodePoint(...points.slice(i, i + 4096));
  return text;
}
