/** How much of the machine other work took while something was measured, from Linux' own accounts. */
import { readFileSync } from 'node:fs';

/** Processor time so far, in ticks of the clock: of the whole machine (other guests of its host included), and of this process with its ended children. */
export interface ProcessorTime {
  readonly busy: number;
  readonly own: number;
  /** Idle ticks included: all processors together. */
  readonly all: number;
}

/** From the texts of /proc/stat and /proc/self/stat. */
export function parseProcessorTime(machine: string, process: string): ProcessorTime {
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, steal = 0] = (/^cpu +(.*)$/m.exec(machine)?.[1] ?? '').split(' ').map(Number);
  const busy = user + nice + system + irq + softIrq + steal;
  // The name, in brackets, may hold blanks; after it the state is the third field.
  const fields = process.slice(process.lastIndexOf(')') + 2).split(' ');
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { busy, own, all: busy + idle + wait };
}

/** The share of the machine's processors, 0 to 1, that others used between two moments. */
export function otherShare(before: ProcessorTime, after: ProcessorTime): number {
  const others = after.busy - before.busy - (after.own - before.own);
  return Math.min(1, Math.max(0, others / Math.max(1, after.all - before.all)));
}

function now(): ProcessorTime | undefined {
  try {
    return parseProcessorTime(readFileSync('/proc/stat', 'utf8'), readFileSync('/proc/self/stat', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Runs `work`, whose processes must have ended with it; `others` is undefined where the system keeps no such accounts. */
export function besideOthers<Result>(work: () => Result): { readonly result: Result; readonly others: number | undefined } {
  const before = now();
  const result = work();
  const after = now();
  return { result, others: before === undefined || after === undefined ? undefined : otherShare(before, after) };
}
