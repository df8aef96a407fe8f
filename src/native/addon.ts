/**
 * The functions of the C++ addon, by name and shape. The addon only computes: it takes typed arrays that the caller
 * allocated, checks their lengths against the sizes given (a TypeError or RangeError before any memory is touched)
 * and writes results in place. An output must not share memory with any other argument, except that unary, dropout and
 * layerNormForward may write y over x. Row-major throughout. M, N, K, T, H, V, B as each line says.
 */

type F32 = Float32Array;
type I32 = Int32Array;

/** 0 = gelu (erf), 1 = gelu_new (tanh), 2 = relu, 3 = tanh. */
export type ActivationCode = 0 | 1 | 2 | 3;

export interface AddonInfo {
  /** Instruction sets this processor and build can run, best first: 'amx', 'avx512bf16', 'avx512', 'avx2', 'portable'; 'neon' on 64-bit ARM. */
  readonly available: readonly string[];
  /** Those of `available` that multiply bfloat16. */
  readonly withBf16: readonly string[];
  /** Whether `isa` multiplies bfloat16 faster than float32. */
  readonly fastBf16: boolean;
  readonly isa: string;
  readonly threads: number;
  readonly compiler: string;
}

export interface NativeAddon {
  info(): AddonInfo;
  /** Threads of the pool, 1 or more; the calling thread is one of them. */
  setThreads(count: number): void;
  /** Forces an instruction set out of `available` (tests, benchmarks); throws for any other name. */
  setIsa(name: string): void;
  /** 'bf16' rounds the operands of matrix products, attention's included, to bfloat16 (throws where the instruction set has no such products); accumulation stays f32. */
  setMatmulPrecision(precision: 'highest' | 'bf16'): void;

  // --- GEMM family (gemm.cc, linear.cc, …) ---
  /** out[M,N] (+)= op(a) op(b); a is [M,K] or, transposed, [K,M]; b is [K,N] or, transposed, [N,K]. */
  gemm(transA: boolean, transB: boolean, m: number, n: number, k: number, a: F32, b: F32, out: F32, accumulate: boolean): void;
  /** GFLOPS that the pool's threads reach on registers alone with an instruction set out of `available`; those of `withBf16` give bfloat16's. */
  measurePeakGflops(isa: string): number;
  /** y[M,N] = x[M,K] weight[N,K]^T + bias[N]. */
  linearForward(x: F32, weight: F32, bias: F32 | null, y: F32, m: number, n: number, k: number): void;
  /** dx[M,K] = dy weight, dweight[N,K] = dy^T x, dbias[N] = column sum of dy; null outputs are skipped. */
  linearBackward(dy: F32, x: F32, weight: F32, dx: F32 | null, dweight: F32 | null, dbias: F32 | null, m: number, n: number, k: number): void;
  /** pre = x weight^T + bias (null: not stored), y = act(pre). */
  linearActivationForward(x: F32, weight: F32, bias: F32, pre: F32 | null, y: F32, m: number, n: number, k: number, activation: ActivationCode): void;
  /** As linearBackward with dpre = dy * act'(pre). */
  linearActivationBackward(dy: F32, pre: F32, x: F32, weight: F32, dx: F32 | null, dweight: F32 | null, dbias: F32 | null, m: number, n: number, k: number, activation: ActivationCode): void;
  /** y[M,H] = act(pre) w2[H,F]^T + b2, pre[M,F] = x[M,H] w1[F,H]^T + b1 (null: not stored). M, H and F are m, hidden and inner. */
  feedForwardForward(x: F32, w1: F32, b1: F32, w2: F32, b2: F32, pre: F32 | null, y: F32, m: number, hidden: number, inner: number, activation: ActivationCode): void;
  /** Gradients of feedForwardForward. `pre` is used up: it holds act(pre) afterwards. dx null: skipped; `accumulate`: dx += its gradient. */
  feedForwardBackward(dy: F32, x: F32, pre: F32, w1: F32, w2: F32, dx: F32 | null, dw1: F32, db1: F32, dw2: F32, db2: F32, m: number, hidden: number, inner: number, activation: ActivationCode, accumulate: boolean): void;
  /** qkv[T,3H] = [x Wq^T + bq | x Wk^T + bk | x Wv^T + bv], each W [H,H]; with wq and bq null, keys and values alone, [T,2H]. */
  qkvForward(x: F32, wq: F32 | null, bq: F32 | null, wk: F32, bk: F32, wv: F32, bv: F32, qkv: F32, tokens: number, hidden: number): void;
  /** Gradients of qkvForward; without wq, of keys and values alone. dx null: skipped; `accumulate`: dx += its gradient. */
  qkvBackward(dqkv: F32, x: F32, wq: F32 | null, wk: F32, wv: F32, dx: F32 | null, dwq: F32 | null, dbq: F32 | null, dwk: F32, dbk: F32, dwv: F32, dbv: F32, tokens: number, hidden: number, accumulate: boolean): void;
  /**
   * Masked-language-model loss over tied embeddings: logits = h[M,H] table[V,H]^T + bias[V], never stored whole.
   * stats[0] = scale * sum of -log softmax(logits)[label], stats[1] = rows whose largest logit is the label's (the first of equals).
   * dh, dtable, dbias (all three or none) receive the gradient of stats[0]; they are overwritten.
   */
  mlmCrossEntropy(h: F32, table: F32, bias: F32, labels: I32, stats: F32, dh: F32 | null, dtable: F32 | null, dbias: F32 | null, m: number, hidden: number, vocab: number, scale: number): void;

  // --- attention, normalisation, rows, optimizer ---
  /**
   * Softmax attention within each packed sequence. qkv[T,3H], out[T,H], lse[T,heads] (log-sum-exp of the scaled scores).
   * Dropout on the probabilities: see src/ops/dropoutGenerator.ts, row = token * heads + head, column = key position within the sequence.
   */
  attentionForward(qkv: F32, cuSeqlens: I32, out: F32, lse: F32, tokens: number, heads: number, headDim: number, dropRate: number, dropKey: number): void;
  attentionBackward(dout: F32, qkv: F32, out: F32, lse: F32, cuSeqlens: I32, dqkv: F32, tokens: number, heads: number, headDim: number, dropRate: number, dropKey: number): void;
  /**
   * The same for some tokens as queries: query[R,H] of the tokens rows[R] (ascending, no token twice), keyValue[T,2H]; out[R,H],
   * lse[R,heads]. Dropout and every element are those of attentionForward at these tokens.
   */
  attentionRowsForward(query: F32, keyValue: F32, rows: I32, cuSeqlens: I32, out: F32, lse: F32, tokens: number, heads: number, headDim: number, dropRate: number, dropKey: number): void;
  attentionRowsBackward(dout: F32, query: F32, keyValue: F32, rows: I32, out: F32, lse: F32, cuSeqlens: I32, dquery: F32, dkeyValue: F32, tokens: number, heads: number, headDim: number, dropRate: number, dropKey: number): void;
  /** z = residual + dropout(x) (residual may be null), xhat = (z - mean) * rstd, y = xhat * gamma + beta; xhat null: not stored. */
  layerNormForward(x: F32, residual: F32 | null, gamma: F32, beta: F32, y: F32, xhat: F32 | null, rstd: F32, rows: number, cols: number, epsilon: number, dropRate: number, dropKey: number): void;
  /** dresidual may be null; dx carries the dropout mask. dgamma, dbeta [cols] are overwritten. */
  layerNormBackward(dy: F32, xhat: F32, rstd: F32, gamma: F32, dx: F32, dresidual: F32 | null, dgamma: F32, dbeta: F32, rows: number, cols: number, dropRate: number, dropKey: number): void;
  /** y = x * mask / (1 - rate); its own backward. */
  dropout(x: F32, y: F32, rows: number, cols: number, dropRate: number, dropKey: number): void;
  /** y[T,H] = word[ids] + position[positions] + tokenType[types]. An id out of range throws a RangeError naming it. */
  embeddingForward(word: F32, position: F32, tokenType: F32, ids: I32, positions: I32, types: I32, y: F32, tokens: number, hidden: number): void;
  /** out[numRows,H] = 0, then out[rows[i]] += dy[i], in order of i for each row (deterministic). */
  scatterAddRows(dy: F32, rows: I32, out: F32, count: number, hidden: number, numRows: number): void;
  gatherRows(x: F32, rows: I32, y: F32, count: number, hidden: number): void;
  /** Sum of squares over all arrays, accumulated in float64, independent of the thread count. NaN and Inf propagate. */
  sumOfSquares(arrays: readonly F32[]): number;
  /**
   * AdamW over many tensors in place: g = gradScale * grad; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2;
   * p -= lr * ( (m / correction1) / (sqrt(v / correction2) + epsilon) + weightDecay[i] * p ).
   */
  adamwUpdate(params: readonly F32[], grads: readonly F32[], ms: readonly F32[], vs: readonly F32[], weightDecay: F32, lrScale: F32, learningRate: number, beta1: number, beta2: number, epsilon: number, correction1: number, correction2: number, gradScale: number): void;

  // --- generic tfjs kernels; codes as in kernels/opCodes.ts ---
  /** An ArrayBuffer with any contents, aligned to 64 bytes; null where the runtime allows no external memory. */
  allocateBuffer(bytes: number): ArrayBuffer | null;
  /** out, contiguous over dims (at most 8), = a op b; strides in elements, 0 where an operand repeats. */
  binary(code: number, a: F32, b: F32, out: F32, dims: I32, stridesA: I32, stridesB: I32): void;
  unary(code: number, x: F32, out: F32, count: number): void;
  /** out[outer, inner] = x[outer, mid, inner] reduced over mid > 0; NaN propagates. */
  reduce(code: number, x: F32, out: F32, outer: number, mid: number, inner: number): void;
  /** Each of the rows of [rows, cols]. */
  softmax(x: F32, y: F32, rows: number, cols: number): void;
  /** out, contiguous over dims (at most 12), from x at offset + sum of index * stride. Any 4-byte elements. */
  copyStrided(x: F32, out: F32, offset: number, dims: I32, strides: I32): void;
  /** out[outer, sum of widths] from inputs[i] = [outer, widths[i]]. Any 4-byte elements. */
  concatenate(inputs: readonly F32[], widths: I32, out: F32, outer: number): void;
  /** out[b, o, p, :] = x[b, o, indices[b, p], :]; an index outside [0, size) throws a RangeError. Any 4-byte elements. */
  gather(x: F32, indices: I32, out: F32, batch: number, outer: number, size: number, picks: number, inner: number): void;
  /** out[segments, inner] = 0, then out[ids[i], :] += x[i, :] in order of i; ids outside are ignored. */
  segmentSum(x: F32, ids: I32, out: F32, count: number, inner: number, segments: number): void;
}
