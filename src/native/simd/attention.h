/** Attention of one head over one sequence. */
#ifndef BERTWRIGHT_SIMD_ATTENTION_H
#define BERTWRIGHT_SIMD_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

/** Pointers are those of the sequence's first token (or first query) and of the head; strides count floats from one to the next. */
struct AttentionTask {
  /** dquery is laid out as query, dkey and dvalue as key and value. */
  const float* query;
  size_t queryStride;
  const float* key;
  const float* value;
  size_t keyValueStride;
  /** Forward writes out, backward reads it; dout, dquery, dkey, dvalue are backward's. */
  float* out;
  const float* dout;
  size_t outStride;
  float* lse;
  size_t lseStride;
  float* dquery;
  float* dkey;
  float* dvalue;
  /** Keys. */
  size_t length;
  size_t queries;
  size_t headDim;
  /**
   * Dropout: the rows of the queries start at firstRow and go on by rowStep (see src/ops/dropoutGenerator.ts); with queryTokens
   * that of query i is firstRow + queryTokens[i] * rowStep. Threshold 0 drops nothing.
   */
  uint32_t dropKey;
  const int32_t* queryTokens;
  uint32_t firstRow;
  uint32_t rowStep;
  uint32_t threshold;
  float dropScale;
  /** Whether the operands of the products are rounded to bfloat16; only where the instruction set has it. */
  bool bf16;
};

struct AttentionKernels {
  void (*forward)(const AttentionTask* task, float* scratch);
  void (*backward)(const AttentionTask* task, float* scratch);
};

static inline size_t attentionRoundUp(size_t n) { return (n + 15) / 16 * 16; }

/** Row length of a working matrix with n columns: whole vectors, and an odd number of cache lines so that a column meets all cache sets. */
static inline size_t attentionStride(size_t n) { return attentionRoundUp(n) | 16; }

/** Queries that are worked on together, an even number of them: each block fetches the gradients of all keys and values again. */
static const size_t attentionBlockLimit = 64;

static inline size_t attentionBlock(size_t queries) { return queries < attentionBlockLimit ? queries : attentionBlockLimit; }

/** Floats of `scratch`, 64-byte aligned, with operands of either kind. */
static inline size_t attentionForwardScratch(size_t length, size_t queries, size_t headDim) {
  const size_t block = attentionBlock(queries), keyStride = attentionStride(length), dimStride = attentionStride(headDim);
  return headDim * keyStride + length * dimStride + block * (keyStride + 2 * dimStride);
}

static inline size_t attentionBackwardScratch(size_t length, size_t queries, size_t headDim) {
  const size_t block = attentionBlock(queries), keyStride = attentionStride(length), dimStride = attentionStride(headDim);
  return 2 * headDim * keyStride + 3 * length * dimStride + 5 * block * dimStride + 2 * (block + 1) * keyStride;
}

#endif
