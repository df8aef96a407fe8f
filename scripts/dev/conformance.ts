/**
 * Runs the conformance suite that tfjs-core ships (about 4,230 specs of its ops, gradients and engine) against our backend.
 * No size is too small for the native kernels, so that the specs' tensors of a few elements are computed by them.
 *   npm run conformance -- [--backend native|cpu] [--isa NAME] [--check-pool] [--filter PART OF A SPEC'S NAME]
 * Prints what is wrong and how often each native kernel ran. Exits 1 where a spec fails or a native kernel never ran.
 */
import { parseArgs } from 'node:util';
import { openConformanceSuite } from './conformance/run.js';
import { problemsOf, summaryOf, unusedKernels } from './conformance/verdict.js';

const { values } = parseArgs({
  options: { backend: { type: 'string', default: 'native' }, isa: { type: 'string' }, 'check-pool': { type: 'boolean', default: false }, filter: { type: 'string', default: '' } },
});
const { backend, isa, filter } = values;
if (backend !== 'native' && backend !== 'cpu') {
  console.error(`--backend is native or cpu, not ${backend}`);
  process.exit(2);
}

const suite = await openConformanceSuite();
try {
  const results = await suite.run({ backend, isa, checkPool: values['check-pool'], filter });
  // Part of the specs, or another backend, need not reach every kernel.
  const problems = [...problemsOf(results), ...(backend === 'native' && filter === '' ? unusedKernels(results) : [])];
  if (backend === 'native') {
    console.log('kernel                  native  left to cpu');
    for (const [name, calls] of Object.entries(results.kernels)) console.log(`${name.padEnd(22)}${String(calls.native).padStart(8)}${String(calls.cpu).padStart(13)}`);
    console.log(`calls of the addon: ${Object.entries(results.addonCalls).map(([name, count]) => `${name} ${count}`).join(', ')}`);
  }
  for (const problem of problems) console.log(problem);
  console.log(`${backend}${backend === 'native' ? ` on ${results.isa}` : ''}: ${summaryOf(results)}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  suite.dispose();
}
