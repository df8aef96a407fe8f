/**
 * What the drivers of the matrix products share: operands, how a product is cut into blocks, and the product of packed
 * blocks. Every choice here that decides the order of a sum (the blocks of k) is a function of the shape alone.
 */
#ifndef BERTWRIGHT_GEMM_PLAN_H
#define BERTWRIGHT_GEMM_PLAN_H

#include <algorithm>
#include <cstddef>

#include "gemm.h"
#include "isa.h"

namespace bertwright {

/** Room behind the packed A for the last vector store. */
constexpr size_t packSlack = 16;

constexpr size_t divideUp(size_t a, size_t b) { return (a + b - 1) / b; }
constexpr size_t roundUp(size_t a, size_t b) { return divideUp(a, b) * b; }

/** One operand: "lines" are the rows of op(A) or the columns of op(B). */
struct GemmOperand {
  const float* data;
  size_t stride;
  /** Whether a line is contiguous in memory. */
  bool alongK;

  const float* at(size_t line, size_t k) const { return alongK ? data + line * stride + k : data + k * stride + line; }
};

struct GemmProblem {
  size_t m, n, k;
  GemmOperand a, b;
  float* c;
  size_t ldc;
  bool accumulate;
  const GemmEpilogue* epilogue;
  /** Column sums of C by task of rows [tasks, n], where the epilogue wants them and rows are worked on in tasks. */
  float* partialSums = nullptr;
};

inline const GemmTile& gemmTile() { return matmulBf16() ? isa().gemm.bf16 : isa().gemm.f32; }

/** Words that k elements take in a panel. */
inline size_t gemmWords(const GemmTile& tile, size_t k) { return roundUp(divideUp(k, tile.wordElements), tile.wordStep); }

/** Elements of k in a block: as equal as they can be, in whole words. */
inline size_t gemmBlockK(const GemmTile& tile, size_t k) {
  const size_t words = divideUp(k, tile.wordElements);
  const size_t blocks = std::max<size_t>(1, divideUp(words, tile.blockWords));
  return roundUp(divideUp(words, blocks), std::max<size_t>(4, tile.wordStep)) * tile.wordElements;
}

/** Columns of B in a block of at most `words` words. */
inline size_t gemmBlockN(const GemmTile& tile, size_t n, size_t kBlock, size_t words) {
  const size_t panels = divideUp(n, tile.cols);
  const size_t most = std::max<size_t>(1, words / (tile.cols * divideUp(kBlock, tile.wordElements)));
  return divideUp(panels, divideUp(panels, most)) * tile.cols;
}

inline void gemmPackA(const GemmProblem& p, const GemmTile& tile, size_t row, size_t rows, size_t k, size_t kPart, float* to) {
  (p.a.alongK ? tile.packLinesA : tile.packColumnsA)(p.a.at(row, k), p.a.stride, rows, kPart, to);
}

inline void gemmPackB(const GemmProblem& p, const GemmTile& tile, size_t col, size_t cols, size_t k, size_t kPart, float* to) {
  (p.b.alongK ? tile.packLinesB : tile.packColumnsB)(p.b.at(col, k), p.b.stride, cols, kPart, to);
}

/** Applies the epilogue to a part of C whose upper left corner is (row, col). */
inline void gemmFinish(const GemmProblem& p, size_t row, size_t col, size_t rows, size_t cols) {
  const GemmEpilogue& e = *p.epilogue;
  float* c = p.c + row * p.ldc + col;
  float* pre = e.pre == nullptr ? nullptr : e.pre + row * e.ldPre + col;
  if (e.slope) {
    isa().gemm.finishSlope(c, p.ldc, rows, cols, e.activation, pre, e.ldPre);
  } else {
    isa().gemm.finish(c, p.ldc, rows, cols, e.bias == nullptr ? nullptr : e.bias + col, e.activation, pre, e.ldPre);
  }
}

/** C at (row, col), `rows` by `cols`, from packed blocks of A and B; `between()` runs after each tile. `last`: this is the last block of k. */
template <typename Between>
void gemmMultiplyBlocks(const GemmProblem& p, const GemmTile& tile, size_t row, size_t col, size_t rows, size_t cols, size_t words,
                        const float* packedA, const float* packedB, bool accumulate, bool last, const Between& between) {
  alignas(64) float edge[gemmMostRows * gemmMostCols];
  // Lines that a tile can ask for: the tiles of a panel of B together fetch the next one, or the first again for the rows to come.
  const size_t share = words / gemmAheadWords * 16;
  const auto multiply = [&](size_t i, size_t j) {
    const float* panelA = packedA + i * words;
    const float* panelB = packedB + j * words;
    const float* nextPanel = j + tile.cols < cols ? panelB + tile.cols * words : packedB;
    const size_t tileCols = std::min(tile.cols, cols - j);
    const size_t tileRows = std::min(tile.rows, rows - i);
    float* c = p.c + (row + i) * p.ldc + col + j;
    const size_t fetched = i / tile.rows * share;
    const float* ahead = fetched < tile.cols * words ? nextPanel + fetched : panelA;
    if (tileRows == tile.rows && tileCols == tile.cols) {
      tile.multiply(words, panelA, panelB, c, p.ldc, accumulate, ahead);
    } else {
      tile.multiply(words, panelA, panelB, edge, tile.cols, 0, ahead);
      isa().gemm.addPart(edge, tile.cols, c, p.ldc, tileRows, tileCols, accumulate);
    }
    if (last && p.epilogue != nullptr) gemmFinish(p, row + i, col + j, tileRows, tileCols);
    between();
  };
  const size_t group = std::max<size_t>(1, tile.groupWords / (words * tile.cols)) * tile.cols;
  if (tile.enter != nullptr) tile.enter();
  for (size_t first = 0; first < cols; first += group) {
    for (size_t i = 0; i < rows; i += tile.rows) {
      for (size_t j = first; j < std::min(cols, first + group); j += tile.cols) multiply(i, j);
    }
  }
  if (tile.leave != nullptr) tile.leave();
}

/** The product with all threads of the pool; k is at least 1. */
void gemmShared(const GemmProblem& p);

}  // namespace bertwright

#endif
