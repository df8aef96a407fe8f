/**
 * Prepares a corpus and kills its own process just before its n-th renaming of a file. Every file appears by a renaming, so that
 * each state that a killed run can leave is one of these. With N = 0 it is not killed, and prints how many renamings there were.
 *   node killedPrepare.js N OUTPUT SHARD_TOKENS WORKERS DROP_REPEATED CORPUS…
 */
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { testTokenizer } from './inventedText.js';

const [at = '', output = '', shardTokens = '', workers = '', dropRepeated = '', ...corpus] = process.argv.slice(2);
let renamings = 0;
const beforeRenaming = (): void => {
  renamings += 1;
  if (renamings === Number(at)) process.kill(process.pid, 'SIGKILL');
};
const { renameSync } = fs;
const { rename } = fsPromises;
fs.renameSync = (from, to) => {
  beforeRenaming();
  renameSync(from, to);
};
fsPromises.rename = async (from, to) => {
  beforeRenaming();
  await rename(from, to);
};
syncBuiltinESMExports();
const { prepare } = await import('../prepare.js');
await prepare({ corpus, tokenizer: testTokenizer(), output, shardTokens: Number(shardTokens), workers: Number(workers), dropRepeated: dropRepeated === 'both' ? 'both' : 'none' });
console.log(renamings);
