/** Layer normalisation and its gradient as plain float64 loops, the oracle of the C++ kernels. For test files only. */
import { type DropoutSpec, dropoutMask } from '../../ops/dropoutGenerator.js';

type Numbers = ArrayLike<number>;

/** y = LN(residual + dropout(x)); x and residual are [rows, cols]. */
export interface LayerNormProblem {
  readonly rows: number;
  readonly cols: number;
  readonly epsilon: number;
  readonly dropout: DropoutSpec | undefined;
}

/** The factors of the elements of x: 1 / (1 - rate) or 0. */
export function plainMask({ rows, cols, dropout }: LayerNormProblem): Float64Array {
  if (dropout === undefined) return new Float64Array(rows * cols).fill(1);
  return Float64Array.from(dropoutMask(dropout, rows, cols), (factor) => (factor === 0 ? 0 : 1 / (1 - dropout.rate)));
}

interface Normalized {
  readonly y: Float64Array;
  readonly xhat: Float64Array;
  readonly rstd: Float64Array;
}

export function plainLayerNorm(problem: LayerNormProblem, x: Numbers, residual: Numbers | undefined, gamma: Numbers, beta: Numbers): Normalized {
  const { rows, cols, epsilon } = problem;
  const mask = plainMask(problem);
  const [y, xhat, rstd] = [new Float64Array(rows * cols), new Float64Array(rows * cols), new Float64Array(rows)];
  for (let r = 0; r < rows; r++) {
    const z = Array.from({ length: cols }, (_, c) => (residual?.[r * cols + c] ?? 0) + (x[r * cols + c] as number) * (mask[r * cols + c] as number));
    const mean = z.reduce((sum, value) => sum + value, 0) / cols;
    const variance = z.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cols;
    const scale = 1 / Math.sqrt(variance + epsilon);
    rstd[r] = scale;
    z.forEach((value, c) => {
      xhat[r * cols + c] = (value - mean) * scale;
      y[r * cols + c] = (value - mean) * scale * (gamma[c] as number) + (beta[c] as number);
    });
  }
  return { y, xhat, rstd };
}

interface LayerNormGradient {
  readonly dx: Float64Array;
  readonly dresidual: Float64Array;
  readonly dgamma: Float64Array;
  readonly dbeta: Float64Array;
}

export function plainLayerNormGradient(problem: LayerNormProblem, dy: Numbers, { xhat, rstd }: Normalized, gamma: Numbers): LayerNormGradient {
  const { rows, cols } = problem;
  const mask = plainMask(problem);
  const [dx, dresidual, dgamma, dbeta] = [new Float64Array(rows * cols), new Float64Array(rows * cols), new Float64Array(cols), new Float64Array(cols)];
  for (let r = 0; r < rows; r++) {
    let [meanG, meanGx] = [0, 0];
    for (let c = 0; c < cols; c++) {
      const [d, normalized] = [dy[r * cols + c] as number, xhat[r * cols + c] as number];
      meanG += (d * (gamma[c] as number)) / cols;
      meanGx += (d * (gamma[c] as number) * normalized) / cols;
      dgamma[c] = (dgamma[c] as number) + d * normalized;
      dbeta[c] = (dbeta[c] as number) + d;
    }
    for (let c = 0; c < cols; c++) {
      const i = r * cols + c;
      dresidual[i] = (rstd[r] as number) * ((dy[i] as number) * (gamma[c] as number) - meanG - (xhat[i] as number) * meanGx);
      dx[i] = (dresidual[i] as number) * (mask[i] as number);
    }
  }
  return { dx, dresidual, dgamma, dbeta };
}
