/**
 * Character classes and mappings of BERT's normalizer and pre-tokenizer, unpacked from the tables of the Rust tokenizers
 * library. What is done with them stands in normalizer.ts and wordScanner.ts.
 */
import * as tables from './charTables.js';

/** What the tables say of a code point; bits of `flagsOf`. */
export const charFlags = { removed: 1, space: 2, punctuation: 4, cjk: 8, stripped: 16, lowered: 32, decomposed: 64, combining: 128 } as const;

export interface CharData {
  /** charFlags by code point, [0x110000]. Lone surrogates count as U+FFFD. */
  readonly flagsOf: Uint8Array;
  /** Full canonical decomposition, Hangul left out. */
  readonly decomposition: ReadonlyMap<number, readonly number[]>;
  readonly lowercase: ReadonlyMap<number, readonly number[]>;
  /** Canonical combining classes other than 0. */
  readonly combiningClass: ReadonlyMap<number, number>;
}

let loaded: CharData | undefined;

/** The unpacked tables; made at the first call (a few milliseconds, 1.1 MB). */
export function charData(): CharData {
  loaded ??= unpack();
  return loaded;
}

function unpack(): CharData {
  const flagsOf = new Uint8Array(0x110000);
  const mark = (ranges: string, flag: number): void => {
    for (const [start, length] of parseRanges(ranges)) for (let point = start; point < start + length; point++) flagsOf[point] = (flagsOf[point] ?? 0) | flag;
  };
  mark(tables.removedRanges, charFlags.removed);
  mark(tables.spaceRanges, charFlags.space);
  mark(tables.punctuationRanges, charFlags.punctuation);
  mark(tables.cjkRanges, charFlags.cjk);
  mark(tables.strippedRanges, charFlags.stripped);
  const decomposition = parseMap(tables.decompositions);
  const lowercase = parseMap(tables.lowercase);
  for (const point of decomposition.keys()) flagsOf[point] = (flagsOf[point] ?? 0) | charFlags.decomposed;
  for (let point = hangulBase; point < hangulBase + hangulCount; point++) flagsOf[point] = (flagsOf[point] ?? 0) | charFlags.decomposed;
  for (const point of lowercase.keys()) flagsOf[point] = (flagsOf[point] ?? 0) | charFlags.lowered;
  const combiningClass = new Map<number, number>();
  for (const [value, ranges] of tables.combiningClasses) {
    for (const [start, length] of parseRanges(ranges)) for (let point = start; point < start + length; point++) combiningClass.set(point, value);
  }
  for (const point of combiningClass.keys()) flagsOf[point] = (flagsOf[point] ?? 0) | charFlags.combining;
  flagsOf.fill(flagsOf[0xfffd] ?? 0, 0xd800, 0xe000);
  return { flagsOf, decomposition, lowercase, combiningClass };
}

const hangulBase = 0xac00;
const hangulCount = 11172;

/** Appends the full canonical decomposition of `point` to `out`. Hangul by the rule of the Unicode standard, section 3.12. */
export function decompose(point: number, data: CharData, out: number[]): void {
  const syllable = point - hangulBase;
  if (syllable >= 0 && syllable < hangulCount) {
    out.push(0x1100 + Math.floor(syllable / 588), 0x1161 + Math.floor((syllable % 588) / 28));
    if (syllable % 28 !== 0) out.push(0x11a7 + (syllable % 28));
    return;
  }
  const mapped = data.decomposition.get(point);
  if (mapped === undefined) out.push(point);
  else out.push(...mapped);
}

function* parseRanges(text: string): Generator<readonly [start: number, length: number]> {
  const fields = text.split(' ');
  let at = 0;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const start = at + Number.parseInt(fields[i] ?? '', 36);
    const length = Number.parseInt(fields[i + 1] ?? '', 36);
    yield [start, length];
    at = start + length;
  }
}

function parseMap(text: string): Map<number, readonly number[]> {
  const map = new Map<number, readonly number[]>();
  let at = 0;
  for (const entry of text.split(' ')) {
    const colon = entry.indexOf(':');
    at += Number.parseInt(entry.slice(0, colon), 36);
    map.set(
      at,
      entry
        .slice(colon + 1)
        .split(',')
        .map((code) => Number.parseInt(code, 36)),
    );
  }
  return map;
}
