/** Matrix products; see gemm.h. */
#include "gemm.h"

#include <cmath>

namespace {

float activate(int activation, float x) {
  switch (activation) {
    case GEMM_GELU:
      return 0.5f * x * (1.0f + std::erf(x * 0.70710678f));
    case GEMM_GELU_NEW:
      return 0.5f * x * (1.0f + std::tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    case GEMM_RELU:
      return x < 0.0f ? 0.0f : x;
    case GEMM_TANH:
      return std::tanh(x);
    default:
      return x;
  }
}

}  // namespace

void gemmSerial(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b,
                size_t ldb, float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue) {
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) {
      float sum = accumulate ? c[i * ldc + j] : 0.0f;
      for (size_t p = 0; p < k; p++) sum += (transA ? a[p * lda + i] : a[i * lda + p]) * (transB ? b[j * ldb + p] : b[p * ldb + j]);
      if (epilogue != nullptr) {
        if (epilogue->bias != nullptr) sum += epilogue->bias[j];
        if (epilogue->pre != nullptr) epilogue->pre[i * epilogue->ldPre + j] = sum;
        sum = activate(epilogue->activation, sum);
      }
      c[i * ldc + j] = sum;
    }
  }
}

void gemm(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b, size_t ldb,
          float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue) {
  gemmSerial(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue);
}
