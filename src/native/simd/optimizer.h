/** Inner loops of the optimizer step. */
#ifndef BERTWRIGHT_SIMD_OPTIMIZER_H
#define BERTWRIGHT_SIMD_OPTIMIZER_H

#include <stddef.h>

/** p -= stepSize * m / (sqrt(v) * inverseRootCorrection2 + epsilon) + decay * p. */
struct AdamWConstants {
  float gradScale;
  float beta1, oneMinusBeta1;
  float beta2, oneMinusBeta2;
  /** Learning rate / correction1. */
  float stepSize;
  float inverseRootCorrection2;
  float epsilon;
  /** Learning rate * weight decay. */
  float decay;
};

struct OptimizerKernels {
  void (*adamw)(float* p, const float* g, float* m, float* v, size_t count, const struct AdamWConstants* constants);
  double (*sumOfSquares)(const float* x, size_t count);
};

#endif
