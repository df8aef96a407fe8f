/**
 * Matrix products on row-major float32: C[M,N] (+)= op(A)[M,K] op(B)[K,N], with an optional epilogue.
 *
 * op(A) is A [M,K] or, with transA, the transpose of A [K,M]; op(B) is B [K,N] or, with transB, the transpose of B [N,K].
 * lda, ldb, ldc are the distances in elements between rows as stored. C must not overlap A or B.
 * m, n, k may be 0; with k = 0 the product is zero (C is cleared, or left alone when accumulating, then the epilogue runs).
 * Operands are rounded to bfloat16 on the way in where matmulBf16() holds; sums are float32 always.
 *
 * Every element is summed in an order that depends on the shape and the instruction set only, so results do not depend
 * on the number of threads. NaN and infinities propagate.
 */
#ifndef BERTWRIGHT_GEMM_H
#define BERTWRIGHT_GEMM_H

#include <stddef.h>

/** Activations by the codes of addon.ts; GEMM_NO_ACTIVATION for none. */
enum GemmActivation {
  GEMM_NO_ACTIVATION = -1,
  GEMM_GELU = 0,
  GEMM_GELU_NEW = 1,
  GEMM_RELU = 2,
  GEMM_TANH = 3,
};

/**
 * What happens to C once its sums are complete. Forward: C += bias[column]; pre = C where wanted; C = activation(C).
 * Backward (`slope`), where C is the gradient of the activation's value and pre its argument: C = C * activation'(pre),
 * pre = activation(pre). Then, where wanted, columnSums[n] = sums over the rows of C, in an order by the shape only.
 */
struct GemmEpilogue {
  const float* bias = nullptr;
  int activation = GEMM_NO_ACTIVATION;
  bool slope = false;
  float* pre = nullptr;
  size_t ldPre = 0;
  float* columnSums = nullptr;
};

/** The product on all threads of the pool (on the calling thread alone inside a parallel task). */
void gemm(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b, size_t ldb,
          float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue = nullptr);

/** dpre[i] = dy[i] * activation'(pre[i]), on all threads. */
void gemmActivationGradient(int activation, const float* dy, const float* pre, float* dpre, size_t count);

/** out[cols] (+)= sums over the rows of x [rows, cols], on all threads, in an order that depends on the shape only. */
void gemmColumnSums(const float* x, size_t stride, size_t rows, size_t cols, float* out, bool accumulate);

#endif
