import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { BertForMaskedLM } from '../../src/models/index.js';

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-vocab-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const bertwright = (...args: readonly string[]) => spawnSync(process.execPath, [cli, 'vocab', ...args], { encoding: 'utf8', cwd: folder });
const vocabOf = (directory: string): string[] => readFileSync(path.join(folder, directory, 'vocab.txt'), 'utf8').trimEnd().split('\n');
const corpus = path.join(folder, 'corpus.txt');
writeFileSync(corpus, 'the cat sat on the mat, the cats sat on mats\n'.repeat(3));
const train = (output: string, ...more: readonly string[]) => bertwright('--corpus', corpus, '--output', output, '--quiet', ...more);

describe('training', () => {
  test('with a limit of the alphabet; the number of threads changes nothing', () => {
    const { stdout, status } = train('limited', '--vocab-size', '40', '--limit-alphabet', '3', '--threads', '1', '--json');
    assert.equal(status, 0);
    const vocab = vocabOf('limited');
    assert.deepEqual(vocab.slice(5).filter((token) => token.length === 1), ['a', 's', 't']);
    assert.equal((JSON.parse(stdout) as { vocabSize: number }).vocabSize, vocab.length);
    assert.equal(train('limited-3', '--vocab-size', '40', '--limit-alphabet', '3', '--threads', '3').status, 0);
    assert.deepEqual(vocabOf('limited-3'), vocab);
  });

  test('what cannot be exits 2 or 65 and says what to do', () => {
    const cases: readonly [args: readonly string[], status: number, message: RegExp][] = [
      [['--vocab-size', '12'], 2, /take \d+ entries[\s\S]*Ask for at least \d+ entries/],
      [['--threads', '0'], 2, /--threads 0: expected a whole number from 1 to 256/],
      [['--limit-alphabet', '0'], 2, /limitAlphabet is 0/],
      [['--add', '3'], 2, /--add needs --extend/],
      [['--corpus', 'corpus.tx'], 2, /corpus\.tx: no such file\..*corpus\.txt/],
      [['--corpus', 'empty.txt'], 65, /the corpus has no words \(empty\.txt\)/],
      [['--corpus', 'latin1.txt'], 65, /latin1\.txt:2:4: byte 0xe9 is not valid UTF-8/],
    ];
    writeFileSync(path.join(folder, 'empty.txt'), ' \n\n');
    writeFileSync(path.join(folder, 'latin1.txt'), Buffer.from('ok\ncaf\xe9 \n', 'latin1'));
    for (const [args, expected, message] of cases) {
      const given = args[0] === '--corpus' ? bertwright(...args, '--output', 'refused', '--quiet') : train('refused', ...args);
      assert.match(given.stderr, message);
      assert.equal(given.status, expected, args.join(' '));
    }
    assert.ok(!existsSync(path.join(folder, 'refused')), 'nothing is written');
  });

  test('SIGTERM while threads count exits 143', async () => {
    // Read twenty times, it takes longer than the signal needs.
    const large = path.join(folder, 'large.txt');
    writeFileSync(large, 'the cat sat on the mat, the cats sat on mats\n'.repeat(200_000));
    const child = spawn(process.execPath, [cli, 'vocab', '--corpus', ...Array.from({ length: 20 }, () => large), '--vocab-size', '60', '--threads', '2', '--output', 'stopped'], { cwd: folder });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => {
      // The first line of progress comes while words are counted.
      if (stderr === '') child.kill('SIGTERM');
      stderr += data.toString();
    });
    const code = await new Promise((resolve) => child.on('exit', resolve));
    assert.match(stderr, /^vocab: counting words \d+ %.*\nbertwright: the training of the vocabulary was stopped\n/);
    assert.equal(code, 143, stderr);
    assert.ok(!existsSync(path.join(folder, 'stopped')));
  });
});

describe('--extend', () => {
  const domain = path.join(folder, 'domain.txt');
  writeFileSync(domain, 'cattle cattle cattle on the mattress, mattress\n');
  const extend = (from: string, output: string, ...more: readonly string[]) => bertwright('--extend', from, '--corpus', domain, '--output', output, '--quiet', ...more);

  test('adds words to a tokenizer', () => {
    assert.equal(train('plain', '--vocab-size', '40').status, 0);
    const { stdout, status } = extend('plain', 'plain-more', '--add', '5', '--min-frequency', '3', '--json');
    assert.equal(status, 0);
    assert.deepEqual((JSON.parse(stdout) as { added: unknown }).added, [{ word: 'cattle', count: 3 }]);
    assert.deepEqual(vocabOf('plain-more'), [...vocabOf('plain'), 'cattle']);
    assert.deepEqual(readdirSync(path.join(folder, 'plain-more')).sort(), readdirSync(path.join(folder, 'plain')).sort());
  });

  test('adds words to a model, which then loads with its new tokenizer', async () => {
    assert.equal(train('model', '--vocab-size', '40').status, 0);
    const vocabSize = vocabOf('model').length;
    await tf.setBackend('cpu');
    const model = BertForMaskedLM.fromConfig({ vocabSize, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 13, maxPositionEmbeddings: 16 });
    await model.savePretrained(path.join(folder, 'model'));
    const { stdout, stderr, status } = extend('model', 'model-more', '--add', '2');
    assert.equal(status, 0, stderr);
    // Both are unknown, since the corpus has neither l nor r: 3 and 2 words gained.
    assert.match(stdout, new RegExp(`^model-more: ${vocabSize + 2} entries, 2 of them new \\(cattle, mattress\\), in .*\\nmodel\\.safetensors: word embeddings of ${vocabSize + 2} rows\\n$`));
    const loaded = await BertForMaskedLM.fromPretrained(path.join(folder, 'model-more'));
    assert.equal(loaded.config.vocabSize, vocabSize + 2);
    assert.deepEqual(loaded.loadReport, { missing: [], unexpected: [] });
  });

  test('refuses what has no meaning, its own folder, and one with other files', () => {
    cpSync(path.join(folder, 'plain'), path.join(folder, 'noted'), { recursive: true });
    writeFileSync(path.join(folder, 'noted', 'notes.md'), 'mine');
    const cases: readonly [output: string, args: readonly string[], message: RegExp][] = [
      ['refused', [], /--add is missing/],
      ['refused', ['--add', '2', '--vocab-size', '100'], /--vocab-size has no meaning with --extend/],
      ['refused', ['--add', '2', '--no-lowercase'], /--lowercase has no meaning with --extend/],
      ['./plain', ['--add', '2'], /is the folder that is extended/],
      ['noted', ['--add', '2'], /noted holds other files than those to be written \(notes\.md\)/],
      ['refused', ['--add', '0'], /add is 0; expected a whole number of at least 1/],
    ];
    for (const [output, args, message] of cases) {
      const { stderr, status } = extend('plain', output, ...args);
      assert.match(stderr, message);
      assert.equal(status, 2, args.join(' '));
    }
  });
});
