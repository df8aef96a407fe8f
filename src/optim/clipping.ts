/** Clipping by the global norm of all gradients (Pascanu et al., 2013). */

/**
 * The factor for every gradient so that their global L2 norm does not exceed `maxNorm`; 1 where it does not anyway
 * or where `maxNorm` is 0 (off). `norm` must be finite.
 */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 && norm > maxNorm ? maxNorm / norm : 1;
}
