/**
 * Times our tokenizer beside the Rust library called from Python (peer.py speed), one thread each, in turns on the same lines.
 *
 *   node dist/scripts/records/tokenizer-parity/speed.js PYTHON VOCAB ROUNDS FILE...
 *
 * Both hold the lines in memory as strings and give the ids of every line without special tokens. The Rust library keeps its tokenizer
 * from round to round, ours is made anew each time, since it remembers the words that it has seen. CPU seconds stand beside the
 * wall's: above them, other threads (the garbage collector's) worked along; far below, the machine was busy with something else.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readTextLines } from '../../../src/data/textLines.js';
import { BertTokenizer } from '../../../src/tokenizer/index.js';
import { median } from '../../bench/measurements.js';

interface Turn {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly tokens: number;
}

type Answer = Readonly<Record<string, unknown>>;

const peerMethods = ['encode_batch', 'encode_batch_fast'] as const;
// The scripts lie in the sources, not beside the compiled files.
const peerScript = fileURLToPath(new URL('../../../../scripts/records/tokenizer-parity/peer.py', import.meta.url));

/** The peer, which answers each line with one; started once so that it reads the text once. */
class Peer {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(python: string, args: readonly string[]) {
    this.#child = spawn(python, [peerScript, 'speed', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('the peer has no output');
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<Answer> {
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the peer ended before it answered');
    return JSON.parse(value) as Answer;
  }

  async time(method: string): Promise<Turn> {
    this.#child.stdin?.write(`${method}\n`);
    const { seconds, cpuSeconds, tokens } = await this.next();
    return { seconds: Number(seconds), cpuSeconds: Number(cpuSeconds), tokens: Number(tokens) };
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await once(this.#child, 'exit');
  }
}

function timeOurs(vocab: readonly string[], lines: readonly string[]): Turn {
  const tokenizer = BertTokenizer.fromVocab(vocab, { lowercase: true });
  let tokens = 0;
  const begun = performance.now();
  const cpu = process.cpuUsage();
  for (const line of lines) tokens += tokenizer.encodeToIds(line).length;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6, tokens };
}

const [, , python, vocabFile, roundsText, ...files] = process.argv;
const rounds = Number(roundsText);
if (python === undefined || vocabFile === undefined || !Number.isInteger(rounds) || rounds < 1 || files.length === 0) throw new Error('usage: speed.js PYTHON VOCAB ROUNDS FILE...');
const peer = new Peer(python, [vocabFile, ...files]);
const versions = await peer.next();
const lines: string[] = [];
for (const file of files) for await (const block of readTextLines(file)) for (const line of block.lines) lines.push(line);
const megabytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0) / 1e6;
const vocab = readFileSync(vocabFile, 'utf8').trimEnd().split('\n');
// Warms the code up, as the peer did.
timeOurs(vocab, lines.slice(0, 20_000));

const turns: Record<string, Turn[]> = { ours: [], encode_batch: [], encode_batch_fast: [] };
for (let round = 1; round <= rounds; round++) {
  for (const method of peerMethods) turns[method]?.push(await peer.time(method));
  turns['ours']?.push(timeOurs(vocab, lines));
}
await peer.end();

const speeds = (name: string): number[] => (turns[name] ?? []).map((turn) => megabytes / turn.seconds);
const cell = (turn: Turn | undefined): string => (turn === undefined ? '-' : `${(megabytes / turn.seconds).toFixed(2)} (${turn.seconds.toFixed(1)}, ${turn.cpuSeconds.toFixed(1)})`);
const counts = new Set(Object.values(turns).flatMap((list) => list.map((turn) => turn.tokens)));
console.log(`${megabytes.toFixed(1)} MB, ${lines.length.toLocaleString('en')} lines, ${[...counts].map((count) => count.toLocaleString('en')).join(' or ')} tokens`);
console.log(`${Object.entries({ ...versions, node: process.versions.node }).map(([name, version]) => `${name} ${String(version)}`).join(', ')}\n`);
console.log('| round | Rust encode_batch, MB/s (s, CPU s) | Rust encode_batch_fast | ours | ratio to encode_batch | to encode_batch_fast |\n|---:|---:|---:|---:|---:|---:|');
const ratiosTo = (method: string): number[] => speeds('ours').map((speed, i) => speed / (speeds(method)[i] ?? Number.NaN));
for (let i = 0; i < rounds; i++) {
  console.log(`| ${i + 1} | ${[...peerMethods, 'ours'].map((name) => cell(turns[name]?.[i])).join(' | ')} | ${peerMethods.map((method) => (ratiosTo(method)[i] ?? Number.NaN).toFixed(2)).join(' | ')} |`);
}
for (const [name, of] of [['median', median], ['least', (values: readonly number[]) => Math.min(...values)]] as const) {
  console.log(`| ${name} | ${[...peerMethods, 'ours'].map((side) => of(speeds(side)).toFixed(2)).join(' | ')} | ${peerMethods.map((method) => of(ratiosTo(method)).toFixed(2)).join(' | ')} |`);
}
