/** Hyperparameters as they are given: numbers out of range are refused by name. */
import { UsageError } from '../data/errors.js';

const rules = {
  positive: { fits: (value: number) => value > 0 && Number.isFinite(value), expected: 'a number above 0' },
  nonNegative: { fits: (value: number) => value >= 0 && Number.isFinite(value), expected: 'a number of at least 0' },
  count: { fits: (value: number) => Number.isInteger(value) && value > 0, expected: 'a whole number above 0' },
  share: { fits: (value: number) => value >= 0 && value < 1, expected: 'a number from 0 to below 1' },
} as const;

/** The value; a UsageError where it does not fit the rule. */
export function checkedNumber(name: string, value: number, rule: keyof typeof rules): number {
  const { fits, expected } = rules[rule];
  if (!fits(value)) throw new UsageError(`${name} is ${value}, expected ${expected}`);
  return value;
}
