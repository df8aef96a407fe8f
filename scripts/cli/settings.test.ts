import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { DataError, UsageError } from '../../src/data/errors.js';
import { resolveSettings, stripJsonComments } from './settings.js';
import type { OptionSpec } from './spec.js';

const options: Readonly<Record<string, OptionSpec>> = {
  config: { type: 'string', describe: '' },
  'learning-rate': { type: 'number', describe: '', default: 1e-4 },
  engine: { type: 'string', describe: '', choices: ['native', 'wasm'], default: 'native' },
  corpus: { type: 'list', describe: '' },
  seed: { type: 'number', whole: true, describe: '' },
  optimizer: { type: 'string', describe: '' },
  output: { type: 'string', describe: '' },
  overwrite: { type: 'boolean', describe: '' },
};

function configFile(text: string): string {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'bertwright-settings-')), 'settings.json');
  writeFileSync(file, text);
  return file;
}

const resolve = (entries: Readonly<Record<string, unknown>>) => resolveSettings('pretrain', options, new Map(Object.entries(entries)), 'bertwright test');

test('the command line wins over the configuration file, which wins over defaults; origins are told', () => {
  const config = configFile('{ // rates\n "learning_rate": 3e-5, "engine": "wasm" /* slow */ }');
  const settings = resolve({ config, engine: 'native' });
  assert.equal(settings.number('learning-rate'), 3e-5);
  assert.equal(settings.string('engine'), 'native');
  assert.deepEqual(settings.explain(['overwrite', 'learning-rate', 'engine']), [
    { name: 'engine', value: 'native', origin: 'command line' },
    { name: 'learning-rate', value: 3e-5, origin: 'configuration file' },
    { name: 'overwrite', value: null, origin: 'not set' },
  ]);
  assert.deepEqual(resolve({}).explain(['learning-rate']), [{ name: 'learning-rate', value: 1e-4, origin: 'default' }]);
});

test('a recipe comes after the configuration file and before defaults; its file is read as one', () => {
  const folder = path.dirname(configFile('{}'));
  writeFileSync(path.join(folder, 'short.json'), '{ "learning-rate": 1e-3, "seed": 3, "engine": "wasm" } // tried');
  const withRecipe: Readonly<Record<string, OptionSpec>> = { ...options, recipe: { type: 'string', describe: '', choices: ['short'], settingsIn: folder } };
  const settings = (entries: Readonly<Record<string, unknown>>) => resolveSettings('pretrain', withRecipe, new Map(Object.entries(entries)), 'bertwright test');
  assert.deepEqual(settings({ recipe: 'short', config: configFile('{"seed": 5}'), engine: 'native' }).explain(['learning-rate', 'seed', 'engine']), [
    { name: 'engine', value: 'native', origin: 'command line' },
    { name: 'learning-rate', value: 1e-3, origin: 'recipe' },
    { name: 'seed', value: 5, origin: 'configuration file' },
  ]);
  assert.equal(settings({ config: configFile('{"recipe": "short"}') }).number('seed'), 3);
  assert.equal(settings({}).number('seed'), undefined);
  assert.throws(() => settings({ recipe: 'shrt' }), /Did you mean "short"/);
});

test('lists take repeated values and commas', () => assert.deepEqual(resolve({ corpus: ['a,b', 'c'] }).list('corpus'), ['a', 'b', 'c']));

test('wrong values name flag, value and expectation', () => {
  assert.throws(() => resolve({ 'learning-rate': 'high' }), /--learning-rate: "high" is not a number/);
  assert.throws(() => resolve({ engine: 'wasn' }), (error) => error instanceof UsageError && /Did you mean "wasm"/.test(error.message));
});

test('whole numbers are checked', () => {
  assert.equal(resolve({ seed: '7' }).number('seed'), 7);
  for (const seed of ['1.5', '-1']) assert.throws(() => resolve({ seed }), /--seed: "[-.\d]+" is not a whole number of 0 or more/);
});

test('keys of a configuration file may be the names and values of transformers, each once', () => {
  const settings = resolve({ config: configFile('{"train_file": "a.txt", "output_dir": "O", "optim": "adamw_torch", "learningRate": 1}') });
  assert.deepEqual([settings.list('corpus'), settings.string('output'), settings.string('optimizer'), settings.number('learning-rate')], [['a.txt'], 'O', 'adamw', 1]);
  assert.throws(() => resolve({ config: configFile('{"output_dir": "O", "output": "P"}') }), /"output" sets --output a second time/);
});

test('an unknown key of a configuration file suggests the near match, broken JSON names the file', () => {
  assert.throws(() => resolve({ config: configFile('{"learning-rat": 1}') }), /unknown key "learning-rat". Did you mean "learning-rate"/);
  assert.throws(() => resolve({ config: configFile('{"learning-rate": }') }), (error) => error instanceof DataError && /settings\.json:1:19: /.test(error.message));
  assert.throws(() => resolve({ config: configFile('{"__proto__": 1}') }), /unknown key "__proto__"/);
});

test('an absent configuration file suggests the near match', () => {
  const file = configFile('{}');
  assert.throws(() => resolve({ config: file.replace('settings.json', 'setings.json') }), (error) => error instanceof UsageError && /Did you mean "settings\.json"/.test(error.message));
  assert.throws(() => resolve({ config: path.join(file, '..', 'none', 'x.json') }), (error) => error instanceof UsageError && /no configuration file/.test(error.message));
});

test('comments inside strings stay', () => assert.equal(JSON.parse(stripJsonComments('{"a": "http://x" // y\n}')).a, 'http://x'));
