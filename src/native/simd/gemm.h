/**
 * Inner loops of the matrix products: micro-kernels over packed panels, packing, and what follows a product.
 *
 * A panel of `lines` rows of op(A) (or columns of op(B)) holds, for one word of k after the other, the words of all its
 * lines. A word is 4 bytes: one float32, or two bfloat16 that are neighbours in k (the last one padded with zero). For
 * tiles in registers of their own (AMX) the panel of A holds, for each `wordStep` words of k, its lines one after the other.
 */
#ifndef BERTWRIGHT_SIMD_GEMM_H
#define BERTWRIGHT_SIMD_GEMM_H

#include <stddef.h>

/** `count` lines of `k` elements, packed into panels one behind another at `to`; the last panel is padded with zero lines. */
typedef void (*GemmPack)(const float* from, size_t stride, size_t count, size_t k, float* to);

/** Words of k after which `multiply` asks for another cache line. */
static const size_t gemmAheadWords = 2;

struct GemmTile {
  /** Rows and columns of the tile of accumulators; rows = 0 where the instruction set has no such kernel. */
  size_t rows, cols;
  /** Elements of k in a word. */
  size_t wordElements;
  /** Words of a panel come in multiples of this; those behind the last element are zero. */
  size_t wordStep;
  /** Words of k in a block, at most. */
  size_t blockWords;
  /** Rows of A in a task of a product with many rows; a multiple of `rows`. */
  size_t taskRows;
  /** Words of B whose panels go by together for each panel of A, so that C is written along its rows; 0: one panel of B at a time. */
  size_t groupWords;
  /** packLines: element p of line i is from[i * stride + p]; packColumns: from[p * stride + i]. */
  GemmPack packLinesA, packColumnsA, packLinesB, packColumnsB;
  /**
   * c[rows, cols] = or += the product of one panel of each side over `words` words. On the way one cache line in `gemmAheadWords`
   * words is asked for into the second-level cache, from `ahead` on.
   */
  void (*multiply)(size_t words, const float* a, const float* b, float* c, size_t cStride, int accumulate, const float* ahead);
  /** Called by a thread before and after its calls of `multiply`: the state of tile registers. Null where there is none. */
  void (*enter)();
  void (*leave)();
};

/** The largest tile of all instruction sets. */
enum { gemmMostRows = 32, gemmMostCols = 32 };

struct GemmKernels {
  GemmTile f32, bf16;
  /** c[rows, cols] += part[rows, cols] (a buffer with `partStride`); accumulate = 0 overwrites. */
  void (*addPart)(const float* part, size_t partStride, float* c, size_t cStride, size_t rows, size_t cols, int accumulate);
  /** c += bias (may be null); pre = c (may be null); c = activation(c), codes of gemm.h. */
  void (*finish)(float* c, size_t cStride, size_t rows, size_t cols, const float* bias, int activation, float* pre, size_t preStride);
  /** c = c * activation'(pre), pre = activation(pre). */
  void (*finishSlope)(float* c, size_t cStride, size_t rows, size_t cols, int activation, float* pre, size_t preStride);
  /** dpre[i] = dy[i] * activation'(pre[i]). */
  void (*activationGradient)(int activation, const float* dy, const float* pre, float* dpre, size_t count);
  /** out[j] = or += sum over rows of x[row, j]. */
  void (*columnSums)(const float* x, size_t stride, size_t rows, size_t cols, float* out, int accumulate);
  /**
   * Cross-entropy of one row of logits: returns -log softmax(logits)[label] (NaN where a logit is NaN) and sets *correct.
   * With `gradient`, logits become (softmax - onehot(label)) * scale.
   */
  float (*crossEntropyRow)(float* logits, size_t count, size_t label, float scale, int gradient, int* correct);
  /** Multiply-adds on registers only: returns the floating-point operations done by `rounds` rounds; *sink keeps them alive. */
  double (*spin)(size_t rounds, float* sink);
};

#endif
