/** Progress of work that has a count and perhaps a total (bytes, merges): a bar on a terminal, a line every few seconds elsewhere. */
export interface CountEvent {
  /** What is being done, for example "counting words". */
  readonly stage: string;
  readonly done: number;
  readonly total?: number | undefined;
}

/** Reports to stderr; `end` closes a bar's line. */
export function createCountProgress(label: string, quiet: boolean): { report(event: CountEvent): void; end(): void } {
  if (quiet) return { report: () => undefined, end: () => undefined };
  const stream = process.stderr;
  const tty = stream.isTTY === true;
  const started = performance.now();
  let shownAt = Number.NEGATIVE_INFINITY;
  let open = false;
  return {
    report({ stage, done, total }) {
      const now = performance.now();
      if (now - shownAt < (tty ? 100 : 10_000)) return;
      shownAt = now;
      const share = total === undefined || total === 0 ? '' : ` ${Math.min(100, (100 * done) / total).toFixed(0)} %`;
      const text = `${label}: ${stage}${share}, ${((now - started) / 1000).toFixed(0)} s`;
      stream.write(tty ? `\r\x1b[2K${text.slice(0, (stream.columns ?? 120) - 1)}` : `${text}\n`);
      open = tty;
    },
    end() {
      if (open) stream.write('\r\x1b[2K');
      open = false;
    },
  };
}
