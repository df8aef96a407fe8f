/**
 * Progress of a suite on stderr. On a terminal a live table: a line for each run under way, finished ones above it; elsewhere the lines of each run
 * with its name before them; nothing when quiet.
 */
import path from 'node:path';
import { pointText } from '../../glue/trials.js';
import { createProgress, eventText } from '../../src/train/progress.js';
import type { SuiteEvent, SuiteRun } from '../../tasks/options.js';

export interface SuiteProgressOptions {
  readonly stream: { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined; write(text: string): unknown };
  readonly quiet: boolean;
}

/** Milliseconds between two drawings of the table. */
const interval = 150;

/** `mini cola seed-1`, with the point of a grid between task and seed. */
function runName({ directory, task, seed, point }: SuiteRun): string {
  const model = path.basename(path.join(directory, point === undefined ? '../..' : '../../../..'));
  return `${model} ${task} ${point === undefined ? '' : `(${pointText(point)}) `}seed-${seed}`;
}

function outcome(run: SuiteRun): string {
  const value = run.value === undefined ? '' : `  ${run.metric ?? ''} ${(100 * run.value).toFixed(1)}`;
  return `${run.status.padEnd(8)}  ${runName(run)}${value}${run.error === undefined ? '' : `  ${run.error}`}`;
}

/** A function for `SuiteOptions.progress`. */
export function createSuiteProgress({ stream, quiet }: SuiteProgressOptions): (event: SuiteEvent) => void {
  if (quiet) return () => undefined;
  return stream.isTTY === true ? liveTable(stream) : plainLines(stream);
}

function plainLines(stream: SuiteProgressOptions['stream']): (event: SuiteEvent) => void {
  const whole = createProgress({ stream });
  const ofRun = new Map<string, ReturnType<typeof createProgress>>();
  return (event) => {
    if (event.type === 'note') {
      whole({ type: 'note', text: event.text });
      return;
    }
    const { run, number, of } = event;
    if (event.type === 'started') {
      ofRun.set(run.directory, createProgress({ stream, label: runName(run) }));
      whole({ type: 'note', text: `run ${number} of ${of}: ${runName(run)}` });
    } else if (event.type === 'ended') {
      ofRun.delete(run.directory);
      whole({ type: 'note', text: outcome(run) });
    } else if (event.type === 'run') ofRun.get(run.directory)?.(event.event);
  };
}

function liveTable(stream: SuiteProgressOptions['stream']): (event: SuiteEvent) => void {
  const active = new Map<string, { readonly run: SuiteRun; text: string }>();
  let drawn = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const counts = { done: 0, failed: 0, of: 0 };
  const clear = (): void => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const line = (text: string): void => {
    // What a terminal would act on is taken out before the line is cut to the width.
    stream.write(`${text.slice(0, Math.max(20, (stream.columns ?? 100) - 1))}\n`);
  };
  const draw = (): void => {
    clear();
    line(eventText({ type: 'note', text: `${counts.done} of ${counts.of} runs done${counts.failed === 0 ? '' : `, ${counts.failed} failed`}` }));
    for (const { run, text } of active.values()) line(`  ${eventText({ type: 'note', text: runName(run) })}  ${text}`);
    drawn = active.size + 1;
    drawnAt = performance.now();
  };
  return (event) => {
    if (event.type === 'note') {
      clear();
      line(eventText(event));
      // What is said after the last run, such as what was chosen, needs no table below it.
      if (active.size > 0 || counts.done < counts.of) draw();
      return;
    }
    const { run, of } = event;
    counts.of = of;
    if (event.type === 'started') active.set(run.directory, { run, text: 'starts' });
    else if (event.type === 'ended') {
      active.delete(run.directory);
      counts.done += 1;
      if (run.status === 'failed') counts.failed += 1;
      clear();
      line(eventText({ type: 'note', text: outcome(run) }));
    } else if (event.type === 'run') {
      const entry = active.get(run.directory);
      if (entry === undefined || event.event.type === 'note' || event.event.type === 'save') return;
      entry.text = eventText(event.event);
      if (event.event.type === 'step' && performance.now() - drawnAt < interval) return;
    }
    draw();
    if (active.size === 0 && counts.done === of) {
      clear();
      drawn = 0;
    }
  };
}
