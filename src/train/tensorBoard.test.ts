import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { IoError } from '../data/errors.js';
import { EventLog, tensorBoardTag } from './tensorBoard.js';
import { eventFiles, readEventFile, readScalars } from './testing/readEvents.js';
import type { LogEntry } from './types.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-events-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const train = (step: number, loss: number): LogEntry => ({ loss, learning_rate: 1e-4, epoch: step / 8, step });

test('tags are those of TensorBoardCallback in transformers', () => {
  const tags = ['loss', 'mlm_loss', 'learning_rate', 'epoch', 'eval_loss', 'eval_accuracy_mm', 'test_f1', 'evaluated'];
  assert.deepEqual(tags.map(tensorBoardTag), ['train/loss', 'train/mlm_loss', 'train/learning_rate', 'train/epoch', 'eval/loss', 'eval/accuracy_mm', 'test/f1', 'train/evaluated']);
});

test('a file holds its version, then an event for each entry, with checksums that hold', () => {
  const before = Date.now() / 1000;
  const log = new EventLog(folder, []);
  log.append(train(5, 2.625));
  log.append({ eval_loss: 1 / 3, epoch: 1.5, step: 300 });
  const [file = '', ...others] = eventFiles(folder);
  assert.deepEqual(others, []);
  assert.match(path.basename(file), /^events\.out\.tfevents\.\d{10}\.[\w-]+\.\d+\.0$/);
  const [version, first, second, ...rest] = readEventFile(file);
  assert.deepEqual(rest, []);
  assert.equal(version?.fileVersion, 'brain.Event:2');
  assert.deepEqual([first?.step, first?.scalars], [5, { 'train/loss': 2.625, 'train/learning_rate': Math.fround(1e-4), 'train/epoch': 0.625 }]);
  assert.deepEqual([second?.step, second?.scalars], [300, { 'eval/loss': Math.fround(1 / 3), 'train/epoch': 1.5 }]);
  for (const { wallTime } of readEventFile(file)) assert.ok(wallTime >= before && wallTime <= Date.now() / 1000, `${wallTime}`);
});

// Written by TensorBoard's own RecordWriter from its Event messages of the same content.
const referenceRecords = [
  '1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c',
  '0f000000000000006d532b0909000000000000f83f10073a020801774771c7',
  '200000000000000029eda95009000000000000f83f10ac022a120a100a096576616c2f6c6f7373150000803e79a3fca9',
];
test("the bytes of version, session start and scalars are those of TensorBoard's own writer", (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1500 });
  const log = new EventLog(folder, []);
  const [first = ''] = eventFiles(folder);
  log.append({ eval_loss: 0.25, step: 300 });
  assert.equal(readFileSync(first).toString('hex'), `${referenceRecords[0]}${referenceRecords[2]}`);
  new EventLog(folder, [{ step: 7 }]);
  assert.ok(readFileSync(eventFiles(folder)[1] ?? '').toString('hex').startsWith(`${referenceRecords[0]}${referenceRecords[1]}`));
});

test('a resumed session takes its place: nothing is doubled, nothing of the lost steps stays', () => {
  const history = [train(2, 4), { eval_loss: 4.5, epoch: 0.25, step: 2 }, train(4, 3)];
  const killed = new EventLog(folder, []);
  for (const entry of history) killed.append(entry);
  // After the checkpoint at step 4, and lost with the session.
  killed.append({ eval_loss: 3.5, epoch: 0.5, step: 4 });
  killed.append(train(6, 99));
  const resumed = new EventLog(folder, history);
  resumed.append({ eval_loss: 3.25, epoch: 0.5, step: 4 });
  resumed.append(train(6, 2));
  const scalars = readScalars(folder);
  assert.deepEqual(scalars.get('train/loss'), [[2, 4], [4, 3], [6, 2]]);
  assert.deepEqual(scalars.get('eval/loss'), [[2, 4.5], [4, 3.25]]);
  assert.deepEqual(scalars.get('train/epoch'), [[2, 0.25], [2, 0.25], [4, 0.5], [4, 0.5], [6, 0.75]]);
});

test('a run that starts from the beginning again leaves nothing of the earlier session', () => {
  new EventLog(folder, []).append(train(2, 99));
  new EventLog(folder, []).append(train(4, 3));
  assert.deepEqual(readScalars(folder).get('train/loss'), [[4, 3]]);
});

test('where the earlier files are gone, the whole history is written', () => {
  new EventLog(folder, [train(2, 4), train(4, 3)]);
  assert.deepEqual(readScalars(folder).get('train/loss'), [[2, 4], [4, 3]]);
});

test('files sort in the order of the sessions, also within a second and where the clock was set back', () => {
  const future = path.join(folder, 'events.out.tfevents.9000000000.zzz.1.0');
  writeFileSync(future, '');
  for (let session = 0; session < 3; session++) new EventLog(folder, []);
  assert.deepEqual(eventFiles(folder).map((file) => path.basename(file).split('.')[3]), ['9000000000', '9000000001', '9000000002', '9000000003']);
});

test('a record that a kill cut loses itself alone', () => {
  const log = new EventLog(folder, []);
  log.append(train(2, 4));
  log.append(train(4, 3));
  const [file = ''] = eventFiles(folder);
  truncateSync(file, readFileSync(file).length - 5);
  assert.deepEqual(readScalars(folder).get('train/loss'), [[2, 4]]);
  new EventLog(folder, [train(2, 4)]).append(train(4, 3.5));
  assert.deepEqual(readScalars(folder).get('train/loss'), [[2, 4], [4, 3.5]]);
});

test('what cannot be written is an IoError that names the file', () => {
  const blocked = path.join(folder, 'runs');
  appendFileSync(blocked, '');
  assert.throws(() => new EventLog(blocked, []), (error) => error instanceof IoError && error.message.includes(blocked));
});
