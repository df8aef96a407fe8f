/** What a run of the conformance suite has to show, as lines to print: none where all is well. */
import type { SpecResults } from './child.js';

/** Switched off in tfjs-core's own source, on every backend. */
export const skippedByTfjs: readonly string[] = [
  'IS_BROWSER isBrowser: false',
  'IS_BROWSER isBrowser: true',
  'debug on A x B',
  'gradient registry warning when registering the same gradient twice',
  'kernel_registry errors when registering the same kernel twice',
];

/** Specs that tfjs-core defines for the backend named 'cpu' alone: they register two copies of it. */
const onlyForCpu = /^Switching cpu backends /;

/** The native kernels that the specs never took; a run of all specs has none. */
export function unusedKernels(results: SpecResults): string[] {
  return Object.entries(results.kernels).flatMap(([name, calls]) => (calls.native === 0 ? [`no spec ran the native kernel ${name}`] : []));
}

/** Failed specs with their messages, and skips beside tfjs-core's own. */
export function problemsOf(results: SpecResults): string[] {
  return [
    ...results.failed.map(({ name, messages }) => `failed: ${name}\n    ${messages.join('\n    ')}`),
    ...results.skipped.filter((name) => !skippedByTfjs.includes(name)).map((name) => `skipped, though tfjs-core does not skip it: ${name}`),
  ];
}

/** How the set of specs of a run differs from the cpu backend's: both must have run and skipped the same ones. */
export function differencesFromCpu(results: SpecResults, cpu: SpecResults): string[] {
  const missing = (list: readonly string[], from: readonly string[]): string[] => {
    const names = new Set(from);
    return list.filter((name) => !names.has(name));
  };
  const compare = (what: string, own: readonly string[], theirs: readonly string[]): string[] => [
    ...missing(theirs, own).map((name) => `${what} on the cpu backend only: ${name}`),
    ...missing(own, theirs).map((name) => `${what}, but not on the cpu backend: ${name}`),
  ];
  return [...compare('passed', results.passed, cpu.passed.filter((name) => !onlyForCpu.test(name))), ...compare('skipped', results.skipped, cpu.skipped)];
}

/** One line: specs, kernels, calls. */
export function summaryOf(results: SpecResults): string {
  const { passed, failed, skipped, kernels } = results;
  const calls = Object.values(kernels);
  const [native, cpu] = [calls.reduce((sum, { native: n }) => sum + n, 0), calls.reduce((sum, { cpu: n }) => sum + n, 0)];
  return `${passed.length} specs passed, ${failed.length} failed, ${skipped.length} skipped; ${calls.length} native kernels ran ${native} times, ${cpu} of their calls were left to the cpu kernel`;
}
