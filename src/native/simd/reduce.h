/** Inner loops of reductions and of softmax, over contiguous rows. */
#ifndef BERTWRIGHT_SIMD_REDUCE_H
#define BERTWRIGHT_SIMD_REDUCE_H

#include <stddef.h>

/** As in src/native/kernels/opCodes.ts. A mean is a sum, divided by the caller. */
enum ReduceCode { reduceSum, reduceMax, reduceMin, reduceCodes };

struct ReduceKernels {
  /** One number out of count > 0; NaN propagates. */
  float (*row[reduceCodes])(const float* x, size_t count);
  /** target[i] = target[i] op x[i]. */
  void (*into[reduceCodes])(float* target, const float* x, size_t count);
  void (*softmaxRow)(const float* x, float* y, size_t count);
};

#endif
