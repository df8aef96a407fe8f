import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanText } from './cleanText.js';

test('control characters go, white space becomes single blanks, everything else stays', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain text, as it is.', 'plain text, as it is.'],
    ['tab\tand\u00a0no-break \u3000 blank', 'tab and no-break blank'],
    ['  around \r', 'around'],
    ['a\u0000b\u0007c\u200bd\ufffde\ufefff', 'abcdef'],
    ['naïve ﬁne 漢字 🙂', 'naïve ﬁne 漢字 🙂'],
    ['\u0001 \u0002', ''],
  ];
  for (const [text, expected] of cases) assert.equal(cleanText(text), expected, JSON.stringify(text));
});
