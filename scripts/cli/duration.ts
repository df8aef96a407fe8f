/** Durations as people type them. */
import { UsageError } from '../../src/data/errors.js';

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** Seconds of `45m`, `1.5h`, `90s`, `1h30m`, `2d` or a plain number of seconds. Anything else, and zero, is a UsageError. */
export function parseDuration(text: string, flag: string): number {
  const wrong = (): UsageError => new UsageError(`${flag}: "${text}" is not a duration`, { hint: 'write 45m, 1.5h, 1h30m, 90s or a number of seconds' });
  const plain = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (plain === undefined && !/^(?:\d+(?:\.\d+)?[smhd])+$/.test(text)) throw wrong();
  const seconds = plain ?? [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)].reduce((sum, [, value, unit]) => sum + Number(value) * (unitSeconds[unit ?? ''] ?? 0), 0);
  if (!(seconds > 0)) throw wrong();
  return seconds;
}
