/** `bertwright doctor`: what works on this machine, what does not, why, and what to run next. */
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { exitCodes } from '../../src/data/errors.js';
import type { EngineInfo } from '../../src/engine/index.js';
import { printJson, printLine } from '../cli/output.js';
import type { CommandSpec } from '../cli/spec.js';

interface EngineState {
  readonly engine: string;
  readonly works: boolean;
  readonly note: string;
  readonly gflops?: number;
}

/** Size of the square product that is timed, and how often; the best counts. */
const probeSize = 768;
const probeRuns = 6;

export const doctorCommand: CommandSpec = {
  name: 'doctor',
  summary: 'Say which engines work on this machine, why not the others, and how fast they are.',
  options: {},
  examples: [['bertwright doctor', 'engines, instruction sets, compiler, threads, memory']],
  async run(settings) {
    const { engineInfo, setEngine } = await import('../../src/engine/index.js');
    const tf = await import('@tensorflow/tfjs');
    const compiler = spawnSync(process.env['CXX'] ?? 'c++', ['--version'], { encoding: 'utf8' });
    const compilerText = compiler.status === 0 ? (compiler.stdout.split('\n')[0] ?? '') : 'none found (a C++ compiler named c++, or $CXX, builds the native engine)';
    const engines: EngineState[] = [];
    let native: EngineInfo | undefined;
    for (const engine of ['native', 'gpu', 'tensorflow', 'wasm', 'cpu'] as const) {
      try {
        const info = await setEngine(engine);
        if (engine === 'native') native = info;
        const runs = engine === 'cpu' ? 1 : probeRuns;
        engines.push({ engine, works: true, note: '', gflops: measureGflops(tf, engine === 'cpu' ? 256 : probeSize, runs) });
      } catch (error) {
        engines.push({ engine, works: false, note: error instanceof Error ? error.message : String(error) });
      }
    }
    await setEngine('auto');
    const chosen = engineInfo();
    const cpu = os.cpus()[0]?.model.trim() ?? 'unknown processor';
    const facts = { node: process.version, platform: `${process.platform} ${process.arch}`, processor: cpu, cores: os.availableParallelism(), memoryGib: os.totalmem() / 2 ** 30, compiler: compilerText, instructionSet: native?.isa, threads: native?.threads, threadsReason: native?.threadsReason };
    if (settings.boolean('json') === true) {
      printJson({ ...facts, engines, auto: chosen.engine, reason: chosen.reason });
      return;
    }
    printLine(`node        ${facts.node}, ${facts.platform}`);
    printLine(`processor   ${facts.processor}, ${facts.cores} ${facts.cores === 1 ? 'core' : 'cores'}${native?.isa === undefined ? '' : `, ${native.isa}`}`);
    if (native !== undefined) printLine(`threads     ${native.threads}: ${native.threadsReason}`);
    printLine(`memory      ${facts.memoryGib.toFixed(1)} GiB, ${(os.freemem() / 2 ** 30).toFixed(1)} GiB free`);
    printLine(`compiler    ${facts.compiler}`);
    for (const { engine, works, note, gflops } of engines) {
      printLine(`${works ? 'works ' : 'absent'}      ${engine.padEnd(11)}${gflops === undefined ? '' : `${gflops.toFixed(gflops < 10 ? 1 : 0)} GFLOPS (f32 product). `}${note}`);
    }
    printLine(`auto takes  ${chosen.engine}: ${chosen.reason}`);
    printLine(chosen.engine === 'native' ? 'next        bertwright quickstart' : 'next        install a C++ compiler and run `npm run build:addon`, or go on with `bertwright quickstart` on this engine');
    if (!engines.some(({ works }) => works)) process.exitCode = exitCodes.failure;
  },
};

/** The best rate of a few square matrix products, in GFLOPS. */
function measureGflops(tf: typeof import('@tensorflow/tfjs'), size: number, runs: number): number {
  let best = 0;
  tf.tidy(() => {
    const a = tf.randomUniform([size, size]);
    const b = tf.randomUniform([size, size]);
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      tf.matMul(a, b).dataSync();
      best = Math.max(best, (2 * size ** 3) / (performance.now() - start) / 1e6);
    }
  });
  return best;
}
