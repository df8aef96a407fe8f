/**
 * Progress of a training run on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing when quiet.
 * Results never go through here.
 */
import type { ProgressEvent } from './types.js';

export interface ProgressOptions {
  /** Where to write; its `isTTY` and `columns` decide the form. */
  readonly stream: { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined; write(text: string): unknown };
  readonly quiet?: boolean | undefined;
  /** Stands before each line, for example the task's name. */
  readonly label?: string | undefined;
  /** Seconds between two lines where there is no terminal; default 10. */
  readonly interval?: number | undefined;
}

/** 1:02:03, 2:03 or 0:03. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A number for a reader: at most 4 significant digits, small ones in exponential form. */
export function formatNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2);
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));
}

/** Text without what a terminal would act on: control characters (ESC and CR among them) and changes of writing direction. */
function inert(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ');
}

const hidden = new Set(['epoch', 'step']);

function formatMetrics(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${name} ${formatNumber(value)}`)
    .join(', ');
}

function stepText(event: Extract<ProgressEvent, { type: 'step' }>): string {
  const total = Number.isFinite(event.totalSteps) ? `/${event.totalSteps}` : '';
  const rate = event.tokensPerSecond > 0 ? `, ${formatNumber(event.tokensPerSecond)} tokens/s` : '';
  return `step ${event.step}${total}, epoch ${event.epoch.toFixed(2)}, loss ${formatNumber(event.logged?.['loss'] ?? event.loss)}, lr ${formatNumber(event.learningRate)}${rate}, ${formatSeconds(event.secondsLeft)} left`;
}

function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`;
}

/** One event as a line, without what a terminal would act on. */
export function eventText(event: ProgressEvent): string {
  switch (event.type) {
    case 'step':
      return inert(stepText(event));
    case 'eval':
      return inert(`step ${event.step}: ${formatMetrics(event.metrics)}`);
    case 'save':
      return inert(`saved ${event.path ?? ''}`);
    case 'note':
      return inert(event.text);
    case 'done':
      return `${event.step} steps done in ${formatSeconds(event.seconds)}`;
  }
}

/** A function for `TrainingOptions.progress`. */
export function createProgress(options: ProgressOptions): (event: ProgressEvent) => void {
  const { stream, quiet = false, interval = 10 } = options;
  if (quiet) return () => undefined;
  const prefix = options.label === undefined ? '' : `${options.label}: `;
  const tty = stream.isTTY === true;
  let shownAt = Number.NEGATIVE_INFINITY;
  let barShown = false;
  const line = (text: string): void => {
    stream.write(`${barShown ? '\r\x1b[2K' : ''}${inert(prefix)}${text}\n`);
    barShown = false;
  };
  const step = (event: Extract<ProgressEvent, { type: 'step' }>): void => {
    const now = performance.now();
    const last = event.step >= event.totalSteps;
    if (!last && now - shownAt < (tty ? 100 : interval * 1000)) return;
    shownAt = now;
    if (!tty) {
      line(eventText(event));
      return;
    }
    const text = `${inert(prefix)}${Number.isFinite(event.totalSteps) ? `${bar(event.step / event.totalSteps, 20)} ` : ''}${eventText(event)}`;
    stream.write(`\r\x1b[2K${text.slice(0, Math.max(20, (stream.columns ?? 120) - 1))}`);
    barShown = true;
  };
  return (event) => {
    if (event.type === 'step') step(event);
    else if (event.type !== 'save' || (!tty && event.path !== undefined)) line(eventText(event));
  };
}
