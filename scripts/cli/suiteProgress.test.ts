/** The suite's progress as a reader sees it: what stands on a terminal after its control sequences, and the lines elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SuiteRun } from '../../tasks/options.js';
import { createSuiteProgress } from './suiteProgress.js';

/** A terminal that knows lines, "so many lines up" and "clear to the end", which is all that may be written to it. */
function terminal(columns: number) {
  const lines = [''];
  let at = 0;
  return {
    isTTY: true,
    columns,
    lines: (): string[] => lines.filter((line) => line !== ''),
    write(text: string): void {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is read
      for (const [part] of text.matchAll(/\x1b\[\d+[AJ]|\n|[^\x1b\n]+/g)) {
        if (part === '\n') {
          at += 1;
          lines[at] ??= '';
        } else if (part.endsWith('A') && part.startsWith('\x1b')) at = Math.max(0, at - Number(part.slice(2, -1)));
        else if (part === '\x1b[0J') lines.splice(at, lines.length, '');
        else {
          assert.ok(part.length < columns, `a line of ${part.length} on ${columns} columns would wrap`);
          lines[at] = part;
        }
      }
    },
  };
}

const run = (task: string, seed: number, more: Partial<SuiteRun> = {}): SuiteRun => ({ model: 'runs/mini', task, seed, directory: `out/mini/${task}/seed-${seed}`, status: 'planned', ...more });
const point = run('rte', 2, { point: { learningRate: 2e-5 }, directory: 'out/mini/rte/trials/learning-rate-2e-5/seed-2' });
const step = { type: 'step', step: 3, totalSteps: 10, epoch: 0.3, loss: 0.5, learningRate: 1e-4, gradNorm: 1, tokensPerSecond: 0, samplesPerSecond: 0, secondsLeft: 7, metrics: {}, logged: { loss: 0.5, epoch: 0.3, step: 3 } } as const;

test('on a terminal: finished runs stay above a table with a line for each run under way, and the table goes in the end', () => {
  const screen = terminal(60);
  const progress = createSuiteProgress({ stream: screen, quiet: false });
  const cola = run('cola', 1);
  progress({ type: 'started', run: cola, number: 1, of: 2 });
  progress({ type: 'started', run: point, number: 2, of: 2 });
  assert.deepEqual(screen.lines(), ['0 of 2 runs done', '  mini cola seed-1  starts', '  mini rte (learning-rate 2e-5) seed-2  starts']);
  progress({ type: 'run', run: cola, number: 1, of: 2, event: { type: 'note', text: 'a note of a run stays out of the table' } });
  progress({ type: 'ended', run: { ...cola, status: 'complete', metric: 'matthews_correlation', value: 0.1234 }, number: 1, of: 2 });
  assert.deepEqual(screen.lines(), ['complete  mini cola seed-1  matthews_correlation 12.3', '1 of 2 runs done', '  mini rte (learning-rate 2e-5) seed-2  starts']);
  progress({ type: 'run', run: point, number: 2, of: 2, event: { type: 'eval', step: 5, totalSteps: 10, metrics: { accuracy: 0.5 } } });
  assert.match(screen.lines()[2] ?? '', /^ {2}mini rte \(learning-rate 2e-5\) seed-2 {2}.*accuracy/);
  progress({ type: 'ended', run: { ...point, status: 'failed', error: `no\x1b[2Jspace ${'x'.repeat(80)}` }, number: 2, of: 2 });
  progress({ type: 'note', text: 'what was chosen' });
  const lines = screen.lines();
  assert.deepEqual([lines.length, lines[0], lines[2]], [3, 'complete  mini cola seed-1  matthews_correlation 12.3', 'what was chosen']);
  assert.match(lines[1] ?? '', /^failed {4}mini rte \(learning-rate 2e-5\) seed-2 {2}no \[2J/);
});

test('elsewhere: lines with the name of their run; nothing when quiet', () => {
  let written = '';
  const stream = { write: (text: string) => { written += text; } };
  const progress = createSuiteProgress({ stream, quiet: false });
  const cola = run('cola', 1);
  progress({ type: 'started', run: cola, number: 1, of: 1 });
  progress({ type: 'run', run: cola, number: 1, of: 1, event: step });
  progress({ type: 'ended', run: { ...cola, status: 'complete' }, number: 1, of: 1 });
  const lines = written.trimEnd().split('\n');
  assert.deepEqual([lines[0], lines.at(-1)], ['run 1 of 1: mini cola seed-1', 'complete  mini cola seed-1']);
  assert.match(lines[1] ?? '', /^mini cola seed-1: step 3\/10, .*loss 0\.5/);
  written = '';
  createSuiteProgress({ stream, quiet: true })({ type: 'started', run: cola, number: 1, of: 1 });
  assert.equal(written, '');
});
