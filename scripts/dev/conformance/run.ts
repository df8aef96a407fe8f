/** Runs tfjs-core's conformance suite in processes of its own: bundles once, then one process for each run. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSpecs } from './bundle.js';
import type { ChildMessage, ChildSettings, SpecResults } from './child.js';

export interface ConformanceRun {
  readonly backend: 'native' | 'cpu';
  /** Default: the processor's best. */
  readonly isa?: string | undefined;
  /** The buffer pool fills free memory with NaN and finds writes after release and past the end. */
  readonly checkPool?: boolean;
  readonly filter?: string;
}

export interface ConformanceSuite {
  /** Rejects where the process ends without results, naming the spec that it was in. */
  run(options: ConformanceRun): Promise<SpecResults>;
  dispose(): void;
}

/** A run takes seconds; past this it hangs. */
const timeLimitMs = 5 * 60_000;

/** Bundles the specs into a temporary directory, which `dispose` removes. */
export async function openConformanceSuite(): Promise<ConformanceSuite> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'bertwright-conformance-'));
  const bundle = path.join(directory, 'specs.cjs');
  await bundleSpecs(bundle);
  return {
    run: ({ backend, isa, checkPool = false, filter = '' }) => runChild({ bundle, backend, isa, checkPool, filter }),
    dispose: () => rmSync(directory, { recursive: true }),
  };
}

function runChild(settings: ChildSettings): Promise<SpecResults> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [JSON.stringify(settings)], { silent: true, timeout: timeLimitMs });
    let output = '';
    let started = 'none yet';
    let results: SpecResults | undefined;
    // The specs print profiles and warnings; only the end is of use, where the process fails.
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('message', (message: ChildMessage) => {
      if ('started' in message) started = message.started;
      else results = message.results;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (results !== undefined && code === 0) resolve(results);
      else reject(new Error(`the specs ended with ${signal ?? `exit code ${code}`} in the spec "${started}"\n${output}`));
    });
  });
}
