import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importProblem, importSpecifiers } from './checkImports.js';

const forbidden: readonly [string, string][] = [
  ['src/ops/linear.ts', '../encoder/bert.js'],
  ['src/data/random.ts', '../ops/linear.js'],
  ['glue/metrics.ts', '../tasks/finetune.js'],
  ['glue/metrics.ts', '../src/ops/linear.js'],
  ['pretraining/pretrain.ts', '../tasks/finetune.js'],
  ['tasks/finetune.ts', '../pretraining/pretrain.js'],
  ['src/train/loop.ts', '../../scripts/cli.js'],
];
for (const [file, specifier] of forbidden) {
  test(`${file} may not import ${specifier}`, () => assert.match(importProblem(file, specifier) ?? '', /must not import/));
}

const permitted: readonly [string, string][] = [
  ['src/ops/linear.ts', '../native/addon.js'],
  ['src/ops/linear.ts', './dropout.js'],
  ['glue/readTsv.ts', '../src/data/errors.js'],
  ['tasks/finetune.ts', '../glue/tasks.js'],
  ['scripts/cli.ts', '../pretraining/pretrain.js'],
  ['src/ops/linear.ts', '@tensorflow/tfjs'],
];
for (const [file, specifier] of permitted) {
  test(`${file} may import ${specifier}`, () => assert.equal(importProblem(file, specifier), undefined));
}

test('specifiers of imports, re-exports, type imports and dynamic imports are all seen', () => {
  const source = "import { a } from './a.js';\nexport * from './b.js';\nimport type { C } from './c.js';\nconst d = await import('./d.js');\nimport {\n  e,\n} from './e.js';\nimport './f.js';\n";
  assert.deepEqual(importSpecifiers(source), ['./a.js', './b.js', './c.js', './d.js', './e.js', './f.js']);
});
