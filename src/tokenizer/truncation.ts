/** Cutting texts and pairs to a length, token for token as the Rust tokenizers library and transformers do. */
import { DataError, UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import type { EncodeOptions, TruncationStrategy } from './types.js';

const strategies: readonly TruncationStrategy[] = ['longest_first', 'only_first', 'only_second', 'do_not_truncate'];

/**
 * The limit and the strategy that `options` ask for; undefined where nothing is to be cut.
 * @param specialCount special tokens that the result will have
 * @throws UsageError for a limit or a strategy that cannot be
 */
export function resolveTruncation(
  options: EncodeOptions,
  modelMaxLength: number | undefined,
  specialCount: number,
): { readonly maxLength: number; readonly strategy: TruncationStrategy } | undefined {
  const { truncation } = options;
  if (typeof truncation === 'string' && !strategies.includes(truncation)) {
    throw new UsageError(`encode: truncation is "${String(truncation)}"; expected true, false or one of ${strategies.join(', ')}.${didYouMean(truncation, strategies)}`);
  }
  if (truncation === false || truncation === 'do_not_truncate' || (truncation === undefined && options.maxLength === undefined)) return undefined;
  const maxLength = options.maxLength ?? modelMaxLength;
  if (maxLength === undefined) throw new UsageError('encode: truncation without maxLength, and the tokenizer names no model_max_length', { hint: 'Give maxLength.' });
  if (!Number.isInteger(maxLength) || maxLength < specialCount) {
    throw new UsageError(`encode: maxLength is ${maxLength}; expected a whole number of at least ${specialCount}, the special tokens of the result`);
  }
  return { maxLength, strategy: typeof truncation === 'string' ? truncation : 'longest_first' };
}

/**
 * How many tokens of each text to keep; `second` is undefined for a single text.
 * @param room tokens for both together, special tokens not counted
 * @throws DataError where the one text that may be cut is too short, or is not there
 */
export function truncatedLengths(first: number, second: number | undefined, room: number, strategy: TruncationStrategy): [first: number, second: number] {
  const excess = first + (second ?? 0) - room;
  if (excess <= 0 || strategy === 'do_not_truncate') return [first, second ?? 0];
  // With room for special tokens only, the Rust library empties both texts whatever the strategy.
  if (room === 0) return [0, 0];
  if (strategy === 'longest_first') return second === undefined ? [room, 0] : longestFirst(first, second, room);
  if (strategy === 'only_second' && second === undefined) throw new DataError('encode: truncation is "only_second", but there is no second text');
  const target = strategy === 'only_first' ? first : (second ?? 0);
  // A text may not be cut away wholly, or to nothing.
  if (target <= excess) {
    throw new DataError(`encode: ${excess} tokens too many, but the ${strategy === 'only_first' ? 'first' : 'second'} text, the only one to cut, has ${target}`, {
      hint: 'Use truncation "longest_first" or a larger maxLength.',
    });
  }
  return strategy === 'only_first' ? [first - excess, second ?? 0] : [first, (second ?? 0) - excess];
}

/** The shorter text stays whole while it has at most half the room; an odd token goes to the longer one, or to the second of two equals. */
function longestFirst(first: number, second: number, room: number): [number, number] {
  const shorter = Math.min(first, second);
  const half = Math.floor(room / 2);
  const [keptShorter, keptLonger] = shorter <= half ? [shorter, room - shorter] : [half, room - half];
  return first > second ? [keptLonger, keptShorter] : [keptShorter, keptLonger];
}
