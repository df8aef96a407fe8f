/** `--profile`: runs a command's work with a profile, writes the Chrome trace and shows where the time went. */
import type { ProfileCategory, ProfileRow } from '../../src/native/profile.js';
import { writeOutputFile } from './output.js';
import type { Settings } from './settings.js';
import { tableLines } from './table.js';
import { terminalText } from './terminalText.js';

/** Totals of a profile; `rows` of every category, the longest first. */
export interface ProfileSummary {
  /** The Chrome trace. */
  readonly file: string;
  /** Optimizer steps, and the time of them all: what shares refer to. */
  readonly steps: number;
  readonly stepMs: number;
  readonly rows: readonly ProfileRow[];
}

/** Rows of a table; the rest is one line. */
const shownRows = 25;
const titles: Readonly<Record<ProfileCategory, string>> = { span: 'part of a step', native: 'native function', kernel: 'tfjs kernel' };

/** Runs `work`, with a profile of the engine in use where `file` is given: its trace is written there, also where the work fails. */
export async function profileWork<Result>(file: string | undefined, work: () => Promise<Result>): Promise<{ readonly result: Result; readonly profile?: ProfileSummary }> {
  if (file === undefined) return { result: await work() };
  const { Profile } = await import('../../src/native/profile.js');
  const profile = Profile.start();
  let result: Result;
  try {
    result = await work();
  } finally {
    profile.stop();
    await writeOutputFile(file, `${JSON.stringify(profile.trace())}\n`);
  }
  const rows = (['span', 'native', 'kernel'] as const).flatMap((category) => profile.rows(category));
  const step = rows.find(({ category, name }) => category === 'span' && name === 'step');
  return { result, profile: { file, steps: step?.count ?? 0, stepMs: step?.totalMs ?? 0, rows } };
}

/** Runs `work`, with a profile where --profile asks for one; its tables go to stderr, since the results are the command's own. */
export async function withProfile<Result>(settings: Settings, work: () => Promise<Result>): Promise<Result> {
  const { result, profile } = await profileWork(settings.string('profile'), work);
  if (profile !== undefined) for (const line of profileLines(profile)) console.error(terminalText(line));
  return result;
}

/** The tables of a profile, as lines. */
export function profileLines({ file, steps, stepMs, rows }: ProfileSummary): string[] {
  const share = (ms: number): string => (stepMs === 0 ? '-' : `${((100 * ms) / stepMs).toFixed(1)}%`);
  const lines = [`profile of ${steps} ${steps === 1 ? 'step' : 'steps'}, ${stepMs.toFixed(1)} ms; shares are of these; trace: ${file}`, 'own ms leave out what was called inside and timed too; what ran outside the steps, such as evaluations, is in the rows as well'];
  for (const category of ['span', 'native', 'kernel'] as const) {
    const own = rows.filter((row) => row.category === category);
    if (own.length === 0) continue;
    const cells = own.slice(0, shownRows).map(({ name, count, totalMs, selfMs }) => [name, String(count), totalMs.toFixed(2), share(totalMs), selfMs.toFixed(2)]);
    const rest = own.slice(shownRows);
    if (rest.length > 0) {
      const sum = (value: (row: ProfileRow) => number): number => rest.reduce((total, row) => total + value(row), 0);
      cells.push([`${rest.length} others`, String(sum((row) => row.count)), sum((row) => row.totalMs).toFixed(2), share(sum((row) => row.totalMs)), sum((row) => row.selfMs).toFixed(2)]);
    }
    lines.push('', ...tableLines([titles[category], 'calls', 'total ms', 'share', 'own ms'], cells));
  }
  return lines;
}
