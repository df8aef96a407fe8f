/**
 * Texts on which tokenizers differ: every code point of Unicode in five surroundings, special tokens, words at the limit of length,
 * normalization, invisible characters, and random strings. A pure function of the code: each run makes the same texts.
 * Lone surrogates are left out: UTF-8 cannot hold them, so that no text of theirs can reach the Rust library.
 */
import { Random } from '../../../src/data/random.js';

const points = String.fromCodePoint;

function* range(first: number, last: number): Generator<number> {
  for (let point = first; point <= last; point++) if (point < 0xd800 || point > 0xdfff) yield point;
}

/**
 * Every code point but surrogates: alone, between letters, after a letter with an accent that is stripped, after a mark that
 * survives stripping (U+302E, class 224, so that canonical ordering shows), and under an accent.
 */
export function* codePointTexts(): Generator<string> {
  for (const point of range(0, 0x10ffff)) {
    const character = points(point);
    yield character;
    yield `a${character}b`;
    yield `e\u0301${character}`;
    yield `a\u302e${character}b`;
    yield `a ${character}\u0301b`;
  }
}

/** All spellings of `word` in upper and lower case. */
function spellings(word: string): string[] {
  return [...word].reduce<string[]>((found, letter) => found.flatMap((start) => [...new Set([letter.toUpperCase(), letter.toLowerCase()])].map((next) => start + next)), ['']);
}

/** [CLS] and its like inside text: in every spelling, glued to everything, nested, broken, twice. */
export function* specialTokenTexts(): Generator<string> {
  const names = ['PAD', 'UNK', 'CLS', 'SEP', 'MASK'];
  const beside = ['', ' ', 'a', 'A', '1', '.', '#', '##', '[', ']', '[[', ']]', '\u0301', '\u302e', '\u200b', '\u00ad', '\0', '\n', '\u3000', 'é', '中', '\u{1f600}', 'Σ', '[CLS]', '[MASK]'];
  for (const name of names) {
    for (const spelling of spellings(name)) yield* [`[${spelling}]`, `the[${spelling}]king`, `the [${spelling}] king`];
    for (const before of beside) for (const after of beside) yield `${before}[${name}]${after}`;
    for (const blank of [' ', '\t', '\u00a0', '\u200b', '\u00ad', '\0', '\u0301']) {
      yield* [`[${blank}${name}]`, `[${name}${blank}]`, `[${name.slice(0, 1)}${blank}${name.slice(1)}]`, `[${name}]${blank}[${name}]`];
    }
    yield* [`[${name}`, `${name}]`, `[${name}[${name}]`, `[${name}]${name}]`, `[[${name}]]`, `\uff3b${name}\uff3d`, `[${points(...[...name].map((letter) => 0xff21 + letter.charCodeAt(0) - 0x41))}]`];
  }
  yield* names.flatMap((first) => names.map((second) => `[${first}][${second}]`));
  yield '[MASK]'.repeat(1000);
  yield `${'[MASK] a '.repeat(1000)}[SEP]`;
}

/** Words of 99 to 101 and 200 letters (the limit is 100 characters after normalizing), of letters of every length in UTF-8. */
export function* longWords(): Generator<string> {
  const letters = ['a', 'A', 'z', 'é', 'e\u0301', 'ß', 'İ', 'Σ', 'σ', 'ж', 'א', 'ا', 'क', 'ก', '한', '\u1100\u1161', 'か', '\ufb01', '\u1e9e', '\u{10428}', '\u{10400}', '\u{1d400}', '\u{1f600}', 'a\u0301\u0323', '\ue000', 'a\u00ad', 'a\u302e', 'ab'];
  for (const letter of letters) {
    for (const count of [1, 2, 49, 50, 51, 99, 100, 101, 102, 199, 200, 201, 1000, 10_000]) {
      const word = letter.repeat(count);
      yield* [word, `${word} b`, `b ${word}.`, `b${word}`, `${word}##b`, `[CLS]${word}[SEP]`];
    }
  }
  for (const count of [99, 100, 101, 200]) {
    yield* ['\u0301'.repeat(count), `a${'\u0301'.repeat(count)}`, `a${'\u00ad'.repeat(count)}b`, 'xyzzyqwk'.repeat(count).slice(0, count), 'internationalization'.repeat(10).slice(0, count)];
  }
}

/** Very long runs of one or two characters, and what looks like pieces of words. */
export function* runTexts(): Generator<string> {
  const characters = ['!', '.', '-', '_', '#', '[', ']', '…', '。', '\u{10100}', '`', '$', '+', '~', '\u2260', '中', '\u{20000}', '\u{1f468}\u200d', '\u0301', '\u302e\u0323', '\0', '\u200d', '\ufe0f', ' ', '\u3000', '\n', 'a ', 'a.', 'É!', '\ufffd', '\ue000'];
  for (const character of characters) for (const count of [1, 2, 3, 50, 100, 101, 1000, 100_000]) yield* [character.repeat(count), `a${character.repeat(count)}b`];
  const prefixes = ['##', '#', '###', '####', '# #', '##[', '##\u0301', '\uff03\uff03', '#\u200b#', '##\u00ad'];
  for (const prefix of prefixes) for (const word of ['', 'ing', 's', 'a', '##', '[SEP]', 'É', ' ing', '中']) yield* [`${prefix}${word}`, `play${prefix}${word}`, `play ${prefix}${word} .`, `${word}${prefix}`];
}

/** Normalization forms, sigmas, dotted i's, ligatures, emoji, flags, selectors, directions, blanks, controls. */
export function* sequenceTexts(): Generator<string> {
  const words = [
    'café naïve façade Ångström', 'Việt Nam Tiếng Việt', 'ÀÉÎÕÜ Çç Ññ', 'ǖǘǚǜ ḝ ṩ ẛ̣', '\u212b \u2126 \u212a', '\u1e9b\u0323', 'ά ΐ ΰ ᾳ ῼ ᾯ', 'ἄνθρωπος ᾠδή', 'й ё ї Й Ё Ї', 'שָׁלוֹם בְּרֵאשִׁית', 'مُحَمَّد ٱلرَّحْمَٰن', 'क़ख़ग़ ज़ड़ढ़ फ़य़', 'ড়ঢ়য় ਲ਼ਸ਼ ଡ଼ଢ଼', 'གྷ ཛྷ ཱི', 'が ぎ パ ヴ ヷ', '한국어 각 값 뷁 힣', '가각힣', '\ufb1d \ufb2a \ufb4e', '豈更\ufa10\u{2f800}', '\u0f73\u0f75\u0f81', '\u{1d15e}\u{1d160}\u{1d1bb}', 'ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. σας', "ΑΣ' ΑΣ\u0301 ΑΣ\u00ad ΑΣ\u200d ΑΣΑ ΣΣ ΣΑ Σ. .Σ 1Σ Σ1", 'ΑΣ\u0345 Α\u0345Σ ΑΣ:Α ΑΣ·Α', 'İstanbul DİYARBAKIR ı I i̇ İİ', 'STRASSE ẞ ß ǅ ǈ ǲ ŉ ǰ ΐ', '\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06', 'Ⅷ ⅷ Ⓐ ⓐ ① ½ ² ªº', '𝐀𝒜𝔄𝕬 ＡＢｃ', 'ꭰꮿ ᏸᏽ Ꭰ', '\u{10400}\u{10428} \u{1e900}\u{1e922}', 'ᲀᲁ Ა ა',
  ];
  const forms = ['NFC', 'NFD', 'NFKC', 'NFKD'] as const;
  for (const text of words) for (const form of forms) yield* [text.normalize(form), text.normalize(form).toUpperCase(), `a${text.normalize(form)}b`];
  const vowels = ['\u1161', '\u1175', '\u11a7', '\u1160', '\u11a8', '\u11c2'];
  for (const lead of ['\u1100', '\u1112', '\u115f', '가', '힣', 'ㄱ']) for (const vowel of vowels) for (const tail of ['', ...vowels, '\u302e', '\u3099', '\u0301']) yield lead + vowel + tail;
  const emoji = ['\u{1f600}', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}', '\u{1f44d}\u{1f3fd}', '\u{1f3f3}\ufe0f\u200d\u{1f308}', '\u{1f1eb}\u{1f1f7}', '\u{1f1eb}\u{1f1f7}\u{1f1e9}\u{1f1ea}', '\u{1f1eb}', '\u2764\ufe0f', '\u2764\ufe0e', '1\ufe0f\u20e3', '#\ufe0f\u20e3', '\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}', '\u00a9\ufe0f', '葛\u{e0100}', 'ᠠ\u180b', '\u{1faf1}\u{1f3fb}\u200d\u{1faf2}\u{1f3ff}', '\u{1fae9}\u{1f6dc}'];
  for (const one of emoji) yield* [one, `a${one}b`, `happy ${one} day`, `${one}${one}`, `${one}.`, `${one}\u0301`, `[MASK]${one}[SEP]`];
  const invisible = [
    ...range(0x00, 0x20), ...range(0x7f, 0xa0), 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x1680, 0x17b4, 0x180e, ...range(0x2000, 0x200f), ...range(0x2028, 0x202f), ...range(0x205f, 0x206f), 0x2800, 0x3000, 0x3164, 0xfe00,
    0xfe0f, 0xfeff, 0xffa0, ...range(0xfff0, 0xffff), 0xfdd0, 0xfdef, 0xe000, 0xf8ff, 0x378, 0x1fffe, 0x1ffff, 0x2fffe, 0xe0001, 0xe0020, 0xe007f, 0xe0100, 0xe01ef, 0xf0000, 0xffffd, 0x10fffe, 0x10ffff,
  ];
  for (const point of invisible) {
    const one = points(point);
    yield* [one + one, `the ${one} king`, `the${one}king`, `the ${one}king${one} .`, `${one}The king.${one}`, `e${one}\u0301`, `\u0301${one}\u0323a`, `中${one}文`, `#${one}#ing`, `un${one}affable`, `[CLS]${one}a${one}[SEP]`, `don${one}'t`];
    for (const other of [0x09, 0x20, 0xa0, 0xad, 0x200b, 0x200d, 0x202e, 0x2028, 0xfeff, 0x301]) yield `a${one}${points(other)}b`;
  }
  yield* ['', ' ', '\n', '\r\n', 'a\r\nb\rc\nd', '\ufeffa', 'a\u2028b\u2029c\u000bd\u000ce\u001cf\u001dg\u001eh\u001fi\u0085j', '\u202eevil\u202c \u2066a\u2069 \u200fא\u200e', '__proto__ constructor toString hasOwnProperty', 'a\u2260b \u226ec \u037e d\u1fefe \u00b4 \u1ffd', "don't I'm we'll 'tis rock'n'roll", 'e.g. U.S.A. 3.14 1,000,000 $3.50 50% a@b.c http://x.y/?z=1&w=2#v', 'C++ C# .NET a_b a-b a—b a/b a\\b'];
}

/** Ranges of code points that random strings mix, with single characters of interest; a string is taken whole. */
const alphabets: readonly (readonly (readonly [number, number] | string)[])[] = [
  [[0x61, 0x7a]],
  [[0x41, 0x5a], [0x61, 0x7a]],
  [[0x30, 0x39]],
  [[0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e]],
  [[0xa0, 0x24f]],
  [[0x1e00, 0x1eff]],
  [[0x300, 0x36f]],
  [[0x300, 0x36f], [0x1ab0, 0x1aff], [0x1dc0, 0x1dff], [0x20d0, 0x20ff], [0x302a, 0x302f], [0x1d165, 0x1d172]],
  [[0x370, 0x3ff], [0x1f00, 0x1fff], 'Σ', 'ς', 'σ'],
  [[0x400, 0x52f]],
  [[0x591, 0x5f4]],
  [[0x600, 0x6ff]],
  [[0x900, 0xdff]],
  [[0xe00, 0xfff]],
  [[0x1000, 0x10ff], [0x10a0, 0x13ff]],
  [[0x1100, 0x11ff], [0xac00, 0xd7a3], [0x3131, 0x318e]],
  [[0x3000, 0x30ff]],
  [[0x4e00, 0x9fff], [0xf900, 0xfaff], [0x20000, 0x2fa1f]],
  [[0x2000, 0x206f]],
  [[0x2070, 0x2bff]],
  [[0x00, 0x1f], [0x7f, 0x9f]],
  [[0x1f000, 0x1faff], '\u200d', '\ufe0f', '\u{1f3fd}', '\u{1f1eb}'],
  [[0xe000, 0xf8ff], [0xfdd0, 0xfdef], [0xfff0, 0xffff], [0xe0000, 0xe01ef]],
  [[0xa000, 0xd7ff], [0xfb00, 0xfffd]],
  [[0x10000, 0x1ffff]],
  [[0x0, 0xd7ff], [0xe000, 0x10ffff]],
  ['[CLS]', '[SEP]', '[MASK]', '[PAD]', '[UNK]', '[cls]', '[mask]', '[', ']'],
  ['##', '#', '##s', '##ing', 'un', 'the', "'", '\u00ad', '\u200b'],
  ['the', 'king', 'of', 'Play', 'ING', 'affable', 'é', 'e\u0301', 'İ', 'ß'],
];

/** `count` strings of up to 48 characters over one to four of the alphabets, with blanks between. */
export function* randomTexts(count: number, seed: number): Generator<string> {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
  for (let i = 0; i < count; i++) {
    const mixed = Array.from({ length: 1 + random.integer(4) }, () => pick(alphabets));
    const blanks = pick([0, 0.05, 0.2]);
    const length = 1 + random.integer(48);
    let text = '';
    for (let n = 0; n < length; n++) {
      if (random.uniform() < blanks) text += ' ';
      const entry = pick(pick(mixed));
      text += typeof entry === 'string' ? entry : points(entry[0] + random.integer(entry[1] - entry[0] + 1));
    }
    yield text;
  }
}

/** `count` pairs of such strings. */
export function* randomPairs(count: number, seed: number): Generator<[string, string]> {
  let first: string | undefined;
  for (const text of randomTexts(2 * count, seed)) {
    if (first === undefined) {
      first = text;
      continue;
    }
    yield [first, text];
    first = undefined;
  }
}
