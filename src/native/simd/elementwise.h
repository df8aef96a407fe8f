/** Inner loops over contiguous float32 elements. */
#ifndef BERTWRIGHT_SIMD_ELEMENTWISE_H
#define BERTWRIGHT_SIMD_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

struct ElementwiseKernels {
  /** target[i] += scale * source[i]. */
  void (*addScaled)(float* target, const float* source, float scale, size_t count);
  /** y[c] = x[c] * dropFactor(rowKey, c): one row. x may be y. */
  void (*dropoutRow)(const float* x, float* y, size_t cols, uint32_t rowKey, uint32_t threshold, float scale);
};

#endif
