import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnsweringThread } from './answeringThread.js';
import { BertwrightError, DataError, UsageError } from './errors.js';
import type { TestQuestion } from './testing/answering.js';

function thread(factor = 2): AnsweringThread<TestQuestion, Float64Array> {
  return new AnsweringThread(new URL('./testing/answering.js', import.meta.url), { workerData: factor, purpose: 'doubles numbers', outOfMemoryHint: 'Double less.' });
}

test('answers come in the order of the questions, and handed-over memory is gone here', async () => {
  const doubling = thread(3);
  const questions = [1, 2, 3, 4].map((value) => Float64Array.of(value));
  const answers = questions.map((question) => doubling.ask(question, [question.buffer]));
  assert.equal(doubling.pending, 4);
  assert.ok(questions.every((question) => question.length === 0));
  assert.deepEqual((await Promise.all(answers)).map(([value]) => value), [3, 6, 9, 12]);
  assert.equal(doubling.pending, 0);
  assert.ok(!doubling.ended);
  await doubling.close();
});

test('an error keeps its class, message, location and hint, and the thread goes on', async () => {
  const doubling = thread();
  await assert.rejects(doubling.ask('data'), (error) => error instanceof DataError && error.message === 'a.txt:3:7: no number' && error.location?.line === 3 && error.hint === 'write one' && error.exitCode === 65);
  await assert.rejects(doubling.ask('usage'), (error) => error instanceof UsageError && error.message === 'wrong flag' && error.hint === 'leave it out');
  await assert.rejects(doubling.ask('hint'), (error) => error instanceof BertwrightError && error.hint === 'try again');
  await assert.rejects(doubling.ask('type'), (error) => error instanceof Error && error.name === 'TypeError' && String(error.cause).includes('testing/answering'));
  await assert.rejects(doubling.ask('text'), (error) => error instanceof Error && error.message === 'only text');
  assert.deepEqual([...(await doubling.ask(Float64Array.of(4)))], [8]);
  await doubling.close();
});

test('what ends the thread is the answer to all it was asked and is asked later', async () => {
  const leaving = thread();
  const answers = [leaving.ask('exit'), leaving.ask(Float64Array.of(1))];
  for (const answer of answers) await assert.rejects(answer, /a thread that doubles numbers ended with exit code 5/);
  assert.ok(leaving.ended);
  await assert.rejects(leaving.ask(Float64Array.of(1)), /exit code 5/);
  await leaving.close();

  const closed = thread();
  const open = closed.ask(Float64Array.of(1));
  await closed.close();
  await assert.rejects(open, /the thread that doubles numbers was closed/);
  await assert.rejects(closed.ask(Float64Array.of(1)), /was closed/);
});

test('nobody has to look at an answer: a dropped question that fails does not end the process', async () => {
  const dropping = thread();
  void dropping.ask('type');
  assert.deepEqual([...(await dropping.ask(Float64Array.of(1)))], [2]);
  await dropping.close();
});
