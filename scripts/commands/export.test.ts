import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
const tinyBert = fileURLToPath(new URL('../../../src/models/fixtures/pretraining-gelu', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-export-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function runExport(...args: readonly string[]) {
  return spawnSync(process.execPath, [cli, 'export', ...args], { encoding: 'utf8', cwd: folder, input: '' });
}

test('writes the graph beside the configuration, and names each file with its size', () => {
  const { status, stdout, stderr } = runExport('-m', tinyBert, '--to', 'onnx', '-o', 'out', '--json');
  assert.equal(status, 0, stderr);
  assert.match(stderr, /holds no tokenizer/);
  const report = JSON.parse(stdout) as { architecture: string; files: { file: string; bytes: number }[] };
  assert.equal(report.architecture, 'BertForPreTraining');
  assert.deepEqual(report.files.map(({ file }) => file), [path.join('out', 'config.json'), path.join('out', 'onnx', 'model.onnx')]);
  for (const { file, bytes } of report.files) assert.equal(statSync(path.join(folder, file)).size, bytes);

  const again = runExport('-m', tinyBert, '--to', 'onnx', '-o', 'out');
  assert.match(again.stderr, /out holds files \(config\.json, onnx\)/);
  assert.equal(again.status, 2);
  const { stdout: text, stderr: quiet } = runExport('-m', tinyBert, '--to', 'onnx', '-o', 'out', '--overwrite', '--quiet');
  assert.match(text, /^BertForPreTraining in out\n/);
  assert.equal(quiet, '');
});

const failures: readonly [args: readonly string[], status: number, message: RegExp][] = [
  [['--to', 'onx'], 2, /--to: unknown choice "onx"\. Did you mean "onnx"/],
  [[], 2, /--to is missing/],
  [['--to', 'onnx', '--architecture', 'BertForMaskdLM'], 2, /unknown architecture "BertForMaskdLM".*Did you mean "BertForMaskedLM"/],
  [['--to', 'onnx', '--architecture', 'BertForSequenceClassification'], 65, /lack classifier\.weight, classifier\.bias/],
  [['--to', 'transformers.js'], 2, /transformers\.js needs a tokenizer/],
];
for (const [args, status, message] of failures) {
  test(`export ${args.join(' ')} exits ${status} and writes nothing`, () => {
    const before = readdirSync(folder);
    const result = runExport('-m', tinyBert, '-o', 'failed', ...args);
    assert.match(result.stderr, message);
    assert.equal(result.status, status);
    assert.equal(result.stdout, '');
    assert.deepEqual(readdirSync(folder), before);
  });
}

test('a model folder that is not there exits 74 and names it', () => {
  const { status, stderr } = runExport('-m', 'absent', '--to', 'hf', '-o', 'failed');
  assert.match(stderr, /absent: cannot read the model directory/);
  assert.equal(status, 74);
});
