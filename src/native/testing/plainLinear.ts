/** Matrix products, activations and cross-entropy as float64 loops: what the addon's results are compared with. For test files only. */

type Numbers = ArrayLike<number>;

/** op(a) op(b) [m, n]; a is [m, k] or, transposed, [k, m]; b is [k, n] or, transposed, [n, k]. */
export function plainGemm(transA: boolean, transB: boolean, m: number, n: number, k: number, a: Numbers, b: Numbers): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const left = a[transA ? p * m + i : i * k + p] as number;
      for (let j = 0; j < n; j++) out[i * n + j] = (out[i * n + j] as number) + left * (b[transB ? j * k + p : p * n + j] as number);
    }
  }
  return out;
}

/** The nearest bfloat16, ties to even. */
export function roundToBfloat16(array: Float32Array): Float32Array {
  const bits = new Uint32Array(array.slice().buffer);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    bits[i] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  }
  return new Float32Array(bits.buffer);
}

/** x weight^T + bias. */
export function plainLinear(x: Numbers, weight: Numbers, bias: Numbers | undefined, m: number, n: number, k: number): Float64Array {
  const y = plainGemm(false, true, m, n, k, x, weight);
  return bias === undefined ? y : y.map((value, i) => value + (bias[i % n] as number));
}

export function plainLinearGradient(dy: Numbers, x: Numbers, weight: Numbers, m: number, n: number, k: number) {
  const dbias = new Float64Array(n);
  for (let i = 0; i < m * n; i++) dbias[i % n] = (dbias[i % n] as number) + (dy[i] as number);
  return { dx: plainGemm(false, false, m, k, n, dy, weight), dweight: plainGemm(true, false, n, k, m, dy, x), dbias };
}

/** The error function to float64 accuracy: its power series near 0, a continued fraction of erfc beyond. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = a;
  for (let n = 120; n >= 1; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction);
}

interface PlainActivation {
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

const tanhArgument = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** By the addon's codes: gelu, gelu_new, relu, tanh. */
export const plainActivations: readonly PlainActivation[] = [
  {
    value: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    slope: (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
  },
  {
    value: (x) => 0.5 * x * (1 + Math.tanh(tanhArgument(x))),
    slope: (x) => {
      const t = Math.tanh(tanhArgument(x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    },
  },
  { value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) },
  { value: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 },
];

/** Loss, count of correct rows and the gradients of the masked-language-model head; the addon's mlmCrossEntropy. */
export function plainMlmCrossEntropy(h: Numbers, table: Numbers, bias: Numbers, labels: Int32Array, hidden: number, vocab: number, scale: number) {
  const m = labels.length;
  const logits = plainLinear(h, table, bias, m, vocab, hidden);
  const dlogits = new Float64Array(m * vocab);
  let loss = 0;
  let correct = 0;
  for (let i = 0; i < m; i++) {
    const row = logits.subarray(i * vocab, (i + 1) * vocab);
    const top = row.reduce((most, value) => Math.max(most, value), -Infinity);
    const sum = row.reduce((total, value) => total + Math.exp(value - top), 0);
    const label = labels[i] as number;
    loss += scale * (Math.log(sum) + top - (row[label] as number));
    if (row.indexOf(top) === label) correct += 1;
    row.forEach((value, j) => {
      dlogits[i * vocab + j] = scale * (Math.exp(value - top) / sum - (j === label ? 1 : 0));
    });
  }
  const { dx: dh, dweight: dtable, dbias } = plainLinearGradient(dlogits, h, table, m, vocab, hidden);
  return { loss, correct, dh, dtable, dbias };
}
