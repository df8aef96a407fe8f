/** A thread for the tests of answeringThread.ts: doubles the numbers it is sent, and fails as it is told. */
import { parentPort, workerData } from 'node:worker_threads';
import { answerEach } from '../answeringThread.js';
import { BertwrightError, DataError, UsageError } from '../errors.js';

export type TestQuestion = Float64Array<ArrayBuffer> | 'data' | 'usage' | 'hint' | 'type' | 'text' | 'exit';

const failures: Readonly<Record<string, () => unknown>> = {
  data: () => new DataError('no number', { location: { file: 'a.txt', line: 3, column: 7 }, hint: 'write one' }),
  usage: () => new UsageError('wrong flag', { hint: 'leave it out' }),
  hint: () => new BertwrightError('failed', { hint: 'try again' }),
  type: () => new TypeError('not a function'),
  text: () => 'only text',
};

if (parentPort !== null) {
  answerEach(
    parentPort,
    (question: TestQuestion): Float64Array<ArrayBuffer> => {
      if (question === 'exit') process.exit(5);
      if (typeof question === 'string') throw failures[question]?.();
      return question.map((value) => (workerData as number) * value);
    },
    (values) => [values.buffer],
  );
}
