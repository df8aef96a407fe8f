/**
 * Runs the compiled tests with node:test, each file in a process of its own, and ends in one line `N passed, N failed`.
 *   node dist/scripts/dev/runTests.js [--quick] [PART OF A FILE NAME …]
 * `--quick` leaves out `*.slow.test.js`. Names given pick the files that contain one of them.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../..', import.meta.url));
const words = process.argv.slice(2);
const quick = words.includes('--quick');
const names = words.filter((word) => !word.startsWith('--'));

/** Compiled test files whose TypeScript source still exists: tsc does not remove the output of a deleted one. */
function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(file);
    const source = path.join(dist, '..', path.relative(dist, file)).replace(/\.js$/, '.ts');
    return entry.name.endsWith('.test.js') && existsSync(source) ? [file] : [];
  });
}

const files = testFiles(dist)
  .filter((file) => !(quick && file.endsWith('.slow.test.js')))
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${names.join(' ')}; run \`npm run build\` first, or give a part of a file's name`);
  process.exit(2);
}

// Two files at a time: the machine that this is built for has two cores, and the native engine's own threads come on top.
const stream = run({ files, concurrency: 2, timeout: 20 * 60_000 });
let passed = 0;
let failed = 0;
let skipped = 0;
stream.on('test:pass', (event) => {
  if (event.details.type === 'suite') return;
  if (event.skip !== undefined) skipped += 1;
  else passed += 1;
});
stream.on('test:fail', (event) => {
  if (event.details.type !== 'suite') failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  process.on('exit', () => {
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  });
});
