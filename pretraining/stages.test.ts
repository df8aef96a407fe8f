import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DataError, UsageError } from '../src/data/errors.js';
import { parseStages, StageFile, StageSchedule } from './stages.js';
import { temporaryFolder } from './testing/inventedText.js';

const folder = temporaryFolder();
const stages = [{ maxSeqLength: 128, share: 0.9 }, { maxSeqLength: 512, share: 0.1 }];

test('stages are written as lengths and shares', () => {
  assert.deepEqual(parseStages(['128:0.9', ' 512:.1']), stages);
  assert.deepEqual(parseStages(['64:1']), [{ maxSeqLength: 64, share: 1 }]);
  const wrong: [string[], RegExp][] = [
    [['128'], /"128" is not LENGTH:SHARE/],
    [['128:a'], /"128:a" is not/],
    [['128:90%', '512:10%'], /"128:90%"/],
    [['4:1'], /length 4/],
    [['128:0', '512:1'], /share 0 of length 128/],
    [['128:0.9', '512:0.2'], /sum to 1.1; expected 1/],
    [[], /sum to 0/],
  ];
  for (const [parts, message] of wrong) assert.throws(() => parseStages(parts), (error) => error instanceof UsageError && message.test(error.message), parts.join());
});

test('by steps a stage begins when the shares before it are done', () => {
  const schedule = new StageSchedule(stages, 45);
  assert.deepEqual([0, 40, 41, 44].map((step) => schedule.at(step)), [{ stage: 0, step: 0 }, { stage: 0, step: 40 }, { stage: 1, step: 0 }, { stage: 1, step: 3 }]);
  assert.deepEqual(schedule.at(40, 1), { stage: 0, step: 40 });
  assert.equal(schedule.stepsOf(0), 41);
  assert.deepEqual(new StageSchedule([{ maxSeqLength: 128, share: 1 }], Number.POSITIVE_INFINITY).at(7, 1), { stage: 0, step: 7 });
  // A share too small for a step of its own has none.
  assert.deepEqual(new StageSchedule([{ maxSeqLength: 8, share: 0.01 }, { maxSeqLength: 16, share: 0.99 }], 10).at(0), { stage: 1, step: 0 });
});

test('by time a stage begins at the first step after its share, and a resumed run repeats that', () => {
  const file = path.join(folder, 'stages.json');
  const first = new StageSchedule(stages, Number.POSITIVE_INFINITY, new StageFile(file, true));
  assert.deepEqual(first.at(0, 0), { stage: 0, step: 0 });
  assert.deepEqual(first.at(5, 0.89), { stage: 0, step: 5 });
  assert.ok(!existsSync(file));
  assert.deepEqual(first.at(7), { stage: 0, step: 7 }, 'a look ahead begins nothing');
  assert.deepEqual(first.at(6, 0.9), { stage: 1, step: 0 });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { starts: [0, 6] });
  const resumed = new StageSchedule(stages, Number.POSITIVE_INFINITY, new StageFile(file, false));
  assert.deepEqual([4, 6, 8].map((step) => resumed.at(step)), [{ stage: 0, step: 4 }, { stage: 1, step: 0 }, { stage: 1, step: 2 }]);
  assert.deepEqual(resumed.at(4, 0.95), { stage: 0, step: 4 });
  assert.throws(() => new StageSchedule([{ maxSeqLength: 128, share: 1 }], 0, new StageFile(file, false)), (error) => error instanceof UsageError && error.message.includes('in its stage 2'));
  assert.deepEqual(new StageSchedule(stages, 0, new StageFile(file, true)).at(8), { stage: 0, step: 8 }, 'a fresh run forgets an earlier one');
});

test('a long pause passes over whole stages', () => {
  const three = [{ maxSeqLength: 64, share: 0.2 }, { maxSeqLength: 128, share: 0.2 }, { maxSeqLength: 256, share: 0.6 }];
  const schedule = new StageSchedule(three, 0, new StageFile(path.join(folder, 'three.json'), true));
  assert.deepEqual(schedule.at(0, 0), { stage: 0, step: 0 });
  assert.deepEqual(schedule.at(1, 0.5), { stage: 2, step: 0 });
  assert.equal(schedule.stepsOf(1), 0);
});

test('a damaged record is an error that names the file', () => {
  const file = path.join(folder, 'damaged.json');
  for (const text of ['{', '{"starts":[1]}', '{"starts":[0,"6"]}', '{"starts":[0,6,5]}', 'null']) {
    writeFileSync(file, text);
    assert.throws(() => new StageFile(file, false), (error) => error instanceof DataError && error.message.startsWith(file), text);
  }
});
