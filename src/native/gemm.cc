/**
 * Matrix products in the manner of BLIS (Van Zee and van de Geijn, 2015): B is packed in blocks, A in blocks that stay in
 * one core's second-level cache, and a micro-kernel runs over pairs of panels.
 *
 * Where the order of sums comes from: k is cut into blocks by the shape alone, and only then the blocks' products are
 * added, one after the other. Threads share out rows and columns (gemmShared.cc). Small outputs with a long k (gradients
 * of weights) are cut along k as well, in a number of parts that depends on the shape alone.
 */
#include "gemm.h"

#include <algorithm>
#include <atomic>

#include "gemmPlan.h"
#include "parallel.h"
#include "scratch.h"

using bertwright::divideUp;
using bertwright::gemmBlockK;
using bertwright::gemmBlockN;
using bertwright::GemmProblem;
using bertwright::gemmTile;
using bertwright::packSlack;
using bertwright::parallelFor;
using bertwright::roundUp;
using bertwright::Scratch;
using bertwright::scratchFloats;
using bertwright::threadCount;

namespace {

/** Rows of A packed at a time; a multiple of every tile's rows. */
constexpr size_t rowsPerBlock = 96;
/** Words of B packed at a time by one thread alone. */
constexpr size_t serialWords = size_t{1} << 17;
/** Multiply-adds below which waking other threads costs more than it saves. */
constexpr size_t serialWork = size_t{1} << 18;

/** k = 0: nothing to add up. */
void finishEmpty(const GemmProblem& p) {
  for (size_t i = 0; i < p.m && !p.accumulate; i++) std::fill_n(p.c + i * p.ldc, p.n, 0.0f);
  if (p.epilogue != nullptr) bertwright::gemmFinish(p, 0, 0, p.m, p.n);
}

void multiplySerial(const GemmProblem& p) {
  if (p.k == 0) return finishEmpty(p);
  const GemmTile& tile = gemmTile();
  const size_t kBlock = gemmBlockK(tile, p.k);
  const size_t kWords = kBlock / tile.wordElements;
  const size_t nBlock = gemmBlockN(tile, p.n, kBlock, serialWords);
  float* packedA = scratchFloats(Scratch::gemmA, std::min(roundUp(p.m, tile.rows), rowsPerBlock) * kWords + packSlack);
  float* packedB = scratchFloats(Scratch::gemmB, nBlock * kWords);
  for (size_t col = 0; col < p.n; col += nBlock) {
    const size_t cols = std::min(nBlock, p.n - col);
    for (size_t k = 0; k < p.k; k += kBlock) {
      const size_t kPart = std::min(kBlock, p.k - k);
      const size_t words = bertwright::gemmWords(tile, kPart);
      bertwright::gemmPackB(p, tile, col, cols, k, kPart, packedB);
      for (size_t row = 0; row < p.m; row += rowsPerBlock) {
        const size_t rows = std::min(rowsPerBlock, p.m - row);
        bertwright::gemmPackA(p, tile, row, rows, k, kPart, packedA);
        bertwright::gemmMultiplyBlocks(p, tile, row, col, rows, cols, words, packedA, packedB, p.accumulate || k > 0, k + kPart == p.k, [] {});
      }
    }
  }
}

/** Calls fn(next) on every participating thread; next() hands out 0 to count - 1, each once, then count or more. */
template <typename Function>
void shareTasks(size_t count, const Function& fn) {
  std::atomic<size_t> counter{0};
  parallelFor(std::min(count, threadCount()), 1, [&](size_t, size_t) {
    fn([&counter] { return counter.fetch_add(1, std::memory_order_relaxed); });
  });
}

/** Parts of k for outputs too small to keep threads busy; 1 for all others. A function of the shape alone. */
size_t chooseSplits(size_t m, size_t n, size_t k) {
  const size_t tasks = divideUp(m, rowsPerBlock) * divideUp(n, 128);
  if (tasks >= 8) return 1;
  return std::max<size_t>(1, std::min(divideUp(8, tasks), k / 512));
}

void multiplySplit(const GemmProblem& p, size_t splits) {
  const size_t kStep = roundUp(divideUp(p.k, splits), 8);
  const size_t parts = divideUp(p.k, kStep);
  const size_t size = p.m * p.n;
  float* sums = scratchFloats(Scratch::gemmSplit, parts * size);
  shareTasks(parts, [&](auto next) {
    for (size_t t = next(); t < parts; t = next()) {
      GemmProblem part = p;
      part.a.data = p.a.at(0, t * kStep);
      part.b.data = p.b.at(0, t * kStep);
      part.k = std::min(kStep, p.k - t * kStep);
      part.c = sums + t * size;
      part.ldc = p.n;
      part.accumulate = false;
      part.epilogue = nullptr;
      multiplySerial(part);
    }
  });
  parallelFor(p.m, 1 + 4096 / p.n, [&](size_t begin, size_t end) {
    for (size_t t = 0; t < parts; t++) {
      isa().gemm.addPart(sums + t * size + begin * p.n, p.n, p.c + begin * p.ldc, p.ldc, end - begin, p.n, p.accumulate || t > 0);
    }
    if (p.epilogue != nullptr) bertwright::gemmFinish(p, begin, 0, end - begin, p.n);
  });
}

GemmProblem makeProblem(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b, size_t ldb,
                    float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue) {
  return {m, n, k, {a, lda, !transA}, {b, ldb, transB}, c, ldc, accumulate, epilogue};
}

}  // namespace

void gemm(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b, size_t ldb,
          float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue) {
  float* columnSums = epilogue == nullptr ? nullptr : epilogue->columnSums;
  if (m == 0 && columnSums != nullptr) std::fill_n(columnSums, n, 0.0f);
  if (m == 0 || n == 0) return;
  const GemmProblem p = makeProblem(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue);
  const size_t splits = chooseSplits(m, n, k);
  if (k == 0) {
    finishEmpty(p);
  } else if (splits > 1) {
    multiplySplit(p, splits);
  } else if (m * n * k < serialWork) {
    multiplySerial(p);
  } else {
    return bertwright::gemmShared(p);
  }
  if (columnSums != nullptr) gemmColumnSums(c, ldc, m, n, columnSums, false);
}

void gemmActivationGradient(int activation, const float* dy, const float* pre, float* dpre, size_t count) {
  parallelFor(count, 8192, [&](size_t begin, size_t end) {
    isa().gemm.activationGradient(activation, dy + begin, pre + begin, dpre + begin, end - begin);
  });
}

void gemmColumnSums(const float* x, size_t stride, size_t rows, size_t cols, float* out, bool accumulate) {
  if (cols == 0) return;
  parallelFor(cols, rows * cols < serialWork / 8 ? cols : 64, [&](size_t begin, size_t end) {
    isa().gemm.columnSums(x + begin, stride, rows, end - begin, out + begin, accumulate);
  });
}
