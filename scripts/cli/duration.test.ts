import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/data/errors.js';
import { parseDuration } from './duration.js';

for (const [text, seconds] of [['45m', 2700], ['1.5h', 5400], ['1h30m', 5400], ['90s', 90], ['2d', 172800], ['12', 12]] as const) {
  test(`${text} is ${seconds} seconds`, () => assert.equal(parseDuration(text, '--time-budget'), seconds));
}
for (const text of ['', 'soon', '-3m', '0', '5mm', 'm']) {
  test(`"${text}" is refused`, () => assert.throws(() => parseDuration(text, '--time-budget'), (error) => error instanceof UsageError && error.message.includes(`"${text}"`)));
}
