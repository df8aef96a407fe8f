/** The optimizers by their names on the command line. */

export const optimizerKinds = ['adamw', 'adamw-bert', 'lamb'] as const;

export type OptimizerKind = (typeof optimizerKinds)[number];

/** Where none is given: transformers' for 'adamw', Google's for 'adamw-bert', the paper's for 'lamb'. */
export function defaultEpsilon(kind: OptimizerKind): number {
  return kind === 'adamw' ? 1e-8 : 1e-6;
}

/** True for the name of one. */
export function isOptimizerKind(name: string): name is OptimizerKind {
  return (optimizerKinds as readonly string[]).includes(name);
}
