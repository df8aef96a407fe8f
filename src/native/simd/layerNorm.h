/** Rows of layer normalisation. */
#ifndef BERTWRIGHT_SIMD_LAYER_NORM_H
#define BERTWRIGHT_SIMD_LAYER_NORM_H

#include <stddef.h>
#include <stdint.h>

/** Dropout of one row; threshold 0 drops nothing. */
struct RowDropout {
  uint32_t rowKey;
  uint32_t threshold;
  float scale;
};

struct LayerNormKernels {
  /** One row; residual and xhat may be null. Returns 1 / sqrt(variance + epsilon). */
  float (*forwardRow)(const float* x, const float* residual, const float* gamma, const float* beta, float* y, float* xhat, size_t cols, float epsilon,
                      struct RowDropout dropout);
  /** One row; dresidual may be null. dgamma and dbeta are added to. */
  void (*backwardRow)(const float* dy, const float* xhat, float rstd, const float* gamma, float* dx, float* dresidual, float* dgamma, float* dbeta,
                      size_t cols, struct RowDropout dropout);
};

#endif
