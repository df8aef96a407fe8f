/**
 * Which tokens of a sequence are masked, and how (Devlin et al., 2019, section 3.1 and appendix A.2): of the chosen ones 80% become
 * [MASK], 10% a random piece, 10% stay. Masks are dynamic: the caller passes a random stream of its seed, epoch and example.
 */
import { UsageError } from '../src/data/errors.js';
import type { Random } from '../src/data/random.js';

/**
 * What is chosen at once: a token; all pieces of a word; or a span of words, its length drawn from a geometric distribution and all of it replaced by
 * one draw (SpanBERT, Joshi et al., 2020, https://arxiv.org/abs/1907.10529, section 3.1).
 */
export type MaskingUnit = 'token' | 'word' | 'span';

/** SpanBERT's: lengths of 1 to 10 words, each 0.8 times as likely as the one before. */
export const spanLengths = { success: 0.2, longest: 10 } as const;

export interface MaskingSettings {
  /** Share of a sequence's tokens that is predicted. */
  readonly mlmProbability: number;
  /** Of those, the share that becomes [MASK]. */
  readonly maskReplaceProb: number;
  /** Of those, the share that becomes a random piece of the whole vocabulary, specials included as in the original code. */
  readonly randomReplaceProb: number;
  readonly unit: MaskingUnit;
  /** Most predictions in one sequence. */
  readonly maxPredictions: number;
}

/** BERT's settings for a length: 15%, 80/10/10, at most a little over 15% of the longest sequence. */
export function defaultMasking(maxSeqLength: number, mlmProbability = 0.15): MaskingSettings {
  return { mlmProbability, maskReplaceProb: 0.8, randomReplaceProb: 0.1, unit: 'token', maxPredictions: Math.ceil(mlmProbability * maxSeqLength) };
}

/** Throws a UsageError for shares that are none. */
export function checkMasking(settings: MaskingSettings): void {
  const { mlmProbability, maskReplaceProb, randomReplaceProb } = settings;
  if (!(mlmProbability > 0 && mlmProbability < 1)) throw new UsageError(`mlm-probability is ${mlmProbability}; expected a share above 0 and below 1`);
  if (!(maskReplaceProb >= 0 && randomReplaceProb >= 0 && maskReplaceProb + randomReplaceProb <= 1 + 1e-9)) {
    throw new UsageError(`mask-replace-prob is ${maskReplaceProb} and random-replace-prob ${randomReplaceProb}; expected shares whose sum is at most 1`);
  }
}

/** What the masking needs to know of the vocabulary. */
export interface MaskingVocabulary {
  readonly size: number;
  readonly maskTokenId: number;
  /** 1 where a piece continues the word before it, [size]. */
  readonly continues: Uint8Array;
}

/**
 * Chooses and replaces tokens of one sequence in place.
 * @param inputIds ids of one or more sequences; those at `start` to `start + length` belong to this one
 * @param fixed offsets within the sequence that are never masked ([CLS], [SEP]), ascending
 * @returns offsets within the sequence of the chosen tokens, ascending; their original ids must be read before, from `labels`
 */
export function maskSequence(
  inputIds: Int32Array,
  start: number,
  length: number,
  fixed: readonly number[],
  settings: MaskingSettings,
  vocabulary: MaskingVocabulary,
  random: Random,
): { readonly positions: Int32Array; readonly labels: Int32Array } {
  const candidates = new Int32Array(length);
  let count = 0;
  for (let i = 0; i < length; i++) if (!fixed.includes(i)) candidates[count++] = i;
  const wanted = Math.min(count, settings.maxPredictions, Math.max(1, Math.round(settings.mlmProbability * length)));
  const free = candidates.subarray(0, count);
  const chosen = settings.unit === 'token' ? { positions: chooseTokens(free, wanted, random) } : chooseWords(wordsAmong(free, inputIds, start, vocabulary), settings.unit, wanted, random);
  const positions = chosen.positions.sort();
  const labels = new Int32Array(positions.length);
  for (let i = 0; i < positions.length; i++) {
    const at = start + (positions[i] as number);
    labels[i] = inputIds[at] as number;
    const draw = chosen.draws?.get(positions[i] as number) ?? random.uniform();
    if (draw < settings.maskReplaceProb) inputIds[at] = vocabulary.maskTokenId;
    else if (draw < settings.maskReplaceProb + settings.randomReplaceProb) inputIds[at] = random.integer(vocabulary.size);
  }
  return { positions, labels };
}

/** `wanted` of the candidates, each subset equally likely (the head of a Fisher-Yates shuffle). */
function chooseTokens(candidates: Int32Array, wanted: number, random: Random): Int32Array {
  for (let i = 0; i < wanted; i++) {
    const j = i + random.integer(candidates.length - i);
    const held = candidates[i] as number;
    candidates[i] = candidates[j] as number;
    candidates[j] = held;
  }
  return candidates.slice(0, wanted);
}

/** The words among the candidates, in their order: the places of each one's pieces. */
function wordsAmong(candidates: Int32Array, inputIds: Int32Array, start: number, vocabulary: MaskingVocabulary): number[][] {
  const words: number[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const position of candidates) {
    const word = words.at(-1);
    // A piece goes with the one right before it; a segment that starts within a word starts a word of its own.
    if (word !== undefined && position === last + 1 && vocabulary.continues[inputIds[start + position] as number] === 1) word.push(position);
    else words.push([position]);
    last = position;
  }
  return words;
}

/** Places and, where they are replaced together, the draw that decides how. */
interface Chosen {
  readonly positions: Int32Array;
  readonly draws?: ReadonlyMap<number, number>;
}

/**
 * Words in random order as long as they fit, or spans that start at them: each goes on while the next word follows without a gap, is not chosen yet and
 * fits. Where no word fits, the shortest.
 */
function chooseWords(words: readonly number[][], unit: 'word' | 'span', wanted: number, random: Random): Chosen {
  const chosen: number[] = [];
  const draws = new Map<number, number>();
  const taken = new Set<number>();
  for (const first of random.shuffle(words.map((_, i) => i))) {
    if (chosen.length === wanted) break;
    if (taken.has(first) || chosen.length + (words[first] as number[]).length > wanted) continue;
    const [length, draw] = unit === 'span' ? [spanLength(random), random.uniform()] : [1, undefined];
    for (let i = first; i < Math.min(first + length, words.length); i++) {
      const word = words[i] as number[];
      const follows = i === first || (words[i - 1] as number[]).at(-1) === (word[0] as number) - 1;
      if (!follows || taken.has(i) || chosen.length + word.length > wanted) break;
      taken.add(i);
      chosen.push(...word);
      if (draw !== undefined) for (const position of word) draws.set(position, draw);
    }
  }
  if (chosen.length > 0) return { positions: Int32Array.from(chosen), draws };
  return { positions: Int32Array.from(words.reduce((shortest, word) => (word.length < shortest.length ? word : shortest), words[0] ?? [])) };
}

/** How many words a span has. */
function spanLength(random: Random): number {
  const { success, longest } = spanLengths;
  // The inverse of the distribution cut off after the longest.
  const below = 1 - random.uniform() * (1 - (1 - success) ** longest);
  return Math.min(longest, 1 + Math.floor(Math.log(below) / Math.log(1 - success)));
}
