/**
 * Milliseconds of each fused kernel of the addon, the median of several calls, at the shapes of a small BERT's training step:
 * 32 sequences of 128 tokens, hidden sizes 256 (4 heads of 64) and 384 (12 heads of 32); of attention also short and long ones.
 *
 *   npm run build && node dist/scripts/bench/fused.js [--threads N] [--isa NAME] [--matmul-precision highest | bf16]
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { Random } from '../../src/data/random.js';
import { chooseThreads } from '../../src/engine/threads.js';
import type { NativeAddon } from '../../src/native/addon.js';
import { loadAddon } from '../../src/native/loadAddon.js';

const { values: flags } = parseArgs({ options: { threads: { type: 'string' }, isa: { type: 'string' }, 'matmul-precision': { type: 'string', default: 'highest' } } });
const result = await loadAddon();
if (result.addon === undefined) throw new Error(`no addon to measure: ${result.why}. ${result.hint}`);
const addon: NativeAddon = result.addon;
addon.setThreads(chooseThreads(flags.threads === undefined ? undefined : Number(flags.threads)).threads);
if (flags.isa !== undefined) addon.setIsa(flags.isa);
// The addon refuses any other name.
const precision = flags['matmul-precision'] as 'highest' | 'bf16';
addon.setMatmulPrecision(precision);
const { isa, threads, compiler } = addon.info();
console.log(`${os.cpus()[0]?.model ?? 'unknown processor'}, ${threads} threads, ${isa}, precision ${precision}, ${compiler}, Node ${process.version}`);

const random = new Random(1);
const filled = (length: number): Float32Array => Float32Array.from({ length }, () => random.uniform() * 2 - 1);
const dropRate = 0.1;

/** Prints the median time of a call, and what it makes in GB/s or GFLOPS where `work` says how much it moves or computes. */
function measure(name: string, work: { readonly bytes?: number; readonly flops?: number }, call: () => void): void {
  for (let i = 0; i < 3; i++) call();
  const times = Array.from({ length: 15 }, () => {
    const start = process.hrtime.bigint();
    call();
    return Number(process.hrtime.bigint() - start) / 1e6;
  }).sort((a, b) => a - b);
  const median = times[7] as number;
  const rate = work.flops === undefined ? `${((work.bytes ?? 0) / median / 1e6).toFixed(1)} GB/s` : `${(work.flops / median / 1e6).toFixed(0)} GFLOPS`;
  console.log(`  ${name.padEnd(36)} ${median.toFixed(3).padStart(9)} ms  best ${(times[0] as number).toFixed(3)}  ${rate}`);
}

function measureAttention(sequences: number, length: number, heads: number, headDim: number): void {
  const tokens = sequences * length;
  const hidden = heads * headDim;
  console.log(`attention, ${sequences} x ${length} tokens, ${heads} heads of ${headDim}`);
  const [qkv, dout] = [filled(tokens * 3 * hidden), filled(tokens * hidden)];
  const [out, lse, dqkv] = [new Float32Array(tokens * hidden), new Float32Array(tokens * heads), new Float32Array(tokens * 3 * hidden)];
  const cuSeqlens = Int32Array.from({ length: sequences + 1 }, (_, b) => b * length);
  const product = 2 * sequences * length * length * hidden;
  for (const rate of [0, dropRate]) {
    measure(`forward, dropout ${rate}`, { flops: 2 * product }, () => addon.attentionForward(qkv, cuSeqlens, out, lse, tokens, heads, headDim, rate, 7));
    measure(`backward, dropout ${rate}`, { flops: 5 * product }, () => addon.attentionBackward(dout, qkv, out, lse, cuSeqlens, dqkv, tokens, heads, headDim, rate, 7));
  }
}

function measureRows(tokens: number, hidden: number, vocab: number): void {
  console.log(`rows of ${hidden}, ${tokens} tokens, vocabulary ${vocab}`);
  const count = tokens * hidden;
  const bytes = 4 * count;
  const [x, residual, y, xhat, dx] = [filled(count), filled(count), new Float32Array(count), new Float32Array(count), new Float32Array(count)];
  const [gamma, beta, rstd, dgamma, dbeta] = [filled(hidden), filled(hidden), new Float32Array(tokens), new Float32Array(hidden), new Float32Array(hidden)];
  for (const rate of [0, dropRate]) {
    measure(`layer norm, dropout ${rate}`, { bytes: 4 * bytes }, () => addon.layerNormForward(x, residual, gamma, beta, y, xhat, rstd, tokens, hidden, 1e-12, rate, 7));
    measure(`layer norm backward, dropout ${rate}`, { bytes: 4 * bytes }, () => addon.layerNormBackward(x, xhat, rstd, gamma, dx, y, dgamma, dbeta, tokens, hidden, rate, 7));
  }
  measure('dropout', { bytes: 2 * bytes }, () => addon.dropout(x, y, tokens, hidden, dropRate, 7));
  const [table, gradient, position, tokenType] = [filled(vocab * hidden), new Float32Array(vocab * hidden), filled(512 * hidden), filled(2 * hidden)];
  const ids = Int32Array.from({ length: tokens }, () => random.integer(vocab));
  const positions = Int32Array.from({ length: tokens }, (_, t) => t % 128);
  const types = Int32Array.from({ length: tokens }, (_, t) => (t % 128 < 64 ? 0 : 1));
  measure('embedding sum', { bytes: 2 * bytes }, () => addon.embeddingForward(table, position, tokenType, ids, positions, types, y, tokens, hidden));
  measure('gather', { bytes: 2 * bytes }, () => addon.gatherRows(table, ids, y, tokens, hidden));
  measure('scatter-add, words', { bytes: 4 * vocab * hidden + 3 * bytes }, () => addon.scatterAddRows(x, ids, gradient, tokens, hidden, vocab));
  measure('scatter-add, positions', { bytes }, () => addon.scatterAddRows(x, positions, gradient, tokens, hidden, 512));
  measure('scatter-add, token types', { bytes }, () => addon.scatterAddRows(x, types, gradient, tokens, hidden, 2));
}

function measureOptimizer(millions: number): void {
  console.log(`optimizer, ${millions} million parameters`);
  const count = millions * 1e6;
  const [p, g, m, v] = [filled(count), filled(count), new Float32Array(count), new Float32Array(count)];
  measure('sum of squares', { bytes: 4 * count }, () => addon.sumOfSquares([g]));
  measure('AdamW', { bytes: 28 * count }, () => addon.adamwUpdate([p], [g], [m], [v], Float32Array.of(0.01), Float32Array.of(1), 1e-5, 0.9, 0.999, 1e-8, 0.1, 0.001, 1));
}

measureAttention(32, 128, 4, 64);
measureAttention(32, 128, 12, 32);
measureAttention(32, 24, 12, 32);
measureAttention(4, 512, 4, 64);
measureAttention(1, 2048, 4, 64);
measureRows(4096, 256, 30522);
measureRows(4096, 384, 30522);
measureOptimizer(11);
