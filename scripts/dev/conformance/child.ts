/**
 * The process that runs the specs once and reports to run.ts, which starts it with the settings as JSON:
 *   node child.js '{"bundle":…,"backend":…,"isa":…,"checkPool":…,"filter":…}'
 */
import { createRequire } from 'node:module';
import type { NativeAddon } from '../../../src/native/addon.js';
import { loadAddon } from '../../../src/native/loadAddon.js';
import type { SpecsOptions } from './specs.js';

export interface ChildSettings {
  readonly bundle: string;
  readonly backend: 'native' | 'cpu';
  readonly isa: string | undefined;
  readonly checkPool: boolean;
  /** Only specs whose names contain it. */
  readonly filter: string;
}

export interface FailedSpec {
  readonly name: string;
  readonly messages: readonly string[];
}

/** How often a kernel ran in the addon, and how often it was left to the cpu kernel (other types, no elements, rare shapes). */
export interface KernelCalls {
  native: number;
  cpu: number;
}

export interface SpecResults {
  readonly passed: readonly string[];
  readonly failed: readonly FailedSpec[];
  /** Those that tfjs-core itself has switched off. */
  readonly skipped: readonly string[];
  readonly isa: string;
  /** For every kernel that the addon has. */
  readonly kernels: Readonly<Record<string, KernelCalls>>;
  /** Calls of the addon's functions, those never called left out. */
  readonly addonCalls: Readonly<Record<string, number>>;
}

/** What the process sends: the spec that begins, so that a crash can be placed, and at last the results. */
export type ChildMessage = { readonly started: string } | { readonly results: SpecResults };

/** What of jasmine-core (which has no types) is used here. */
interface SpecReport {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}
interface Jasmine {
  DEFAULT_TIMEOUT_INTERVAL: number;
  getEnv(): {
    configure(options: { random: boolean; specFilter: (spec: { getFullName(): string }) => boolean }): void;
    addReporter(reporter: { specStarted: (spec: SpecReport) => void; specDone: (spec: SpecReport) => void; suiteDone: (suite: SpecReport) => void; jasmineDone: (all: Pick<SpecReport, 'failedExpectations'>) => void }): void;
    execute(): Promise<unknown>;
  };
}

/** The addon with its calls counted by name. */
function counted(addon: NativeAddon, calls: Record<string, number>): NativeAddon {
  return Object.fromEntries(
    Object.entries(addon as unknown as Record<string, (...values: unknown[]) => unknown>).map(([name, run]) => [
      name,
      (...values: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return run(...values);
      },
    ]),
  ) as unknown as NativeAddon;
}

/** Resolves when the message is on its way: what is still queued at the end of the process would be lost. */
function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) reject(new Error('this program is started by run.ts'));
    else process.send(message, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

async function main(settings: ChildSettings): Promise<void> {
  const { addon } = await loadAddon();
  if (addon === undefined) throw new Error('the addon is not built: npm run build:addon');
  if (settings.isa !== undefined) addon.setIsa(settings.isa);

  const require = createRequire(import.meta.url);
  const jasmineCore = require('jasmine-core') as { boot(core: unknown): Jasmine };
  const jasmine = jasmineCore.boot(jasmineCore);
  // Milliseconds for one spec: ample, since the machine may be busy with other test files.
  jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;
  const env = jasmine.getEnv();
  // The specs' groups bear the environment's name and flags.
  const plainName = (name: string): string => name.replaceAll(` ${settings.backend} {}`, '');
  env.configure({ random: false, specFilter: (spec) => plainName(spec.getFullName()).includes(settings.filter) });

  const addonCalls: Record<string, number> = {};
  const kernels: Record<string, KernelCalls> = {};
  const onKernel = (name: string, native: boolean): void => {
    const calls = kernels[name];
    if (calls !== undefined) calls[native ? 'native' : 'cpu'] += 1;
  };
  const { defineSpecs } = require(settings.bundle) as { defineSpecs(options: SpecsOptions): Promise<string[]> };
  const names = await defineSpecs({ backend: settings.backend, addon: counted(addon, addonCalls), checkPool: settings.checkPool, onKernel });
  for (const name of names) kernels[name] = { native: 0, cpu: 0 };

  const passed: string[] = [];
  const failed: FailedSpec[] = [];
  const skipped: string[] = [];
  const fail = (name: string, messages: SpecReport['failedExpectations']): void => {
    failed.push({ name, messages: messages.map(({ message }) => message) });
  };
  env.addReporter({
    specStarted: (spec) => void send({ started: plainName(spec.fullName) }),
    specDone: ({ fullName, status, failedExpectations }) => {
      const name = plainName(fullName);
      if (status === 'passed') passed.push(name);
      else if (status === 'pending') skipped.push(name);
      // 'excluded' specs are those that the filter left out.
      else if (status !== 'excluded') fail(name, failedExpectations);
    },
    suiteDone: ({ fullName, failedExpectations }) => {
      if (failedExpectations.length > 0) fail(`after all of ${plainName(fullName)}`, failedExpectations);
    },
    jasmineDone: ({ failedExpectations }) => {
      if (failedExpectations.length > 0) fail('outside the specs', failedExpectations);
    },
  });
  await env.execute();
  await send({ results: { passed, failed, skipped, isa: addon.info().isa, kernels, addonCalls } });
  process.disconnect();
}

await main(JSON.parse(process.argv[2] ?? '{}') as ChildSettings);
