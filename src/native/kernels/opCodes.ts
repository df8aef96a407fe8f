/** Codes of the addon's generic kernels; the C++ twins are the enums of simd/broadcast.h and simd/reduce.h. */

export const binaryCodes = { Add: 0, Sub: 1, Multiply: 2, RealDiv: 3, Maximum: 4, Minimum: 5, SquaredDifference: 6 } as const;

export const unaryCodes = {
  Neg: 0, Abs: 1, Square: 2, Sqrt: 3, Rsqrt: 4, Reciprocal: 5, Exp: 6, Log: 7, Relu: 8, Tanh: 9, Sigmoid: 10, Erf: 11,
} as const;

export const reduceCodes = { Sum: 0, Max: 1, Min: 2, Mean: 3 } as const;
