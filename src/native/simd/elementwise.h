/** Inner loops over contiguous float32 elements. */
#ifndef BERTWRIGHT_SIMD_ELEMENTWISE_H
#define BERTWRIGHT_SIMD_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

struct ElementwiseKernels {
  /** y = a + b + c. */
  void (*addThree)(const float* a, const float* b, const float* c, float* y, size_t count);
  /** y[i] = x[i] * dropFactor(rowKey, firstColumn + i): a stretch of one row. x may be y. */
  void (*dropout)(const float* x, float* y, size_t count, uint32_t rowKey, uint32_t firstColumn, uint32_t threshold, float scale);
};

#endif
