/**
 * Matrix products in the manner of BLIS (Van Zee and van de Geijn, 2015): B is packed in blocks of kBlock rows that all
 * threads share, A in blocks that stay in one core's second-level cache, and a micro-kernel runs over pairs of panels.
 *
 * Where the order of sums comes from: k is cut into blocks by the shape alone, and only then the blocks' products are
 * added, one after the other. Threads share out rows and columns. Small outputs with a long k (gradients of weights) are
 * cut along k as well, in a number of parts that depends on the shape alone.
 */
#include "gemm.h"

#include <algorithm>
#include <atomic>

#include "isa.h"
#include "parallel.h"
#include "scratch.h"

using bertwright::parallelFor;
using bertwright::Scratch;
using bertwright::scratchFloats;
using bertwright::threadCount;

namespace {

/** Words of k in a block: a panel of B then takes 48 KiB at most, a block of A 144 KiB of the second-level cache. */
constexpr size_t wordsPerBlock = 384;
/** Rows of A packed at a time; a multiple of every tile's rows. */
constexpr size_t rowsPerBlock = 96;
/** Words of B packed at a time by all threads together (4 MiB), and by one thread alone. */
constexpr size_t sharedWords = size_t{1} << 20;
constexpr size_t serialWords = size_t{1} << 17;
/** Multiply-adds below which waking other threads costs more than it saves. */
constexpr size_t serialWork = size_t{1} << 18;
/** Room behind the packed A for the last vector store. */
constexpr size_t packSlack = 16;

constexpr size_t divideUp(size_t a, size_t b) { return (a + b - 1) / b; }
constexpr size_t roundUp(size_t a, size_t b) { return divideUp(a, b) * b; }

/** One operand: "lines" are the rows of op(A) or the columns of op(B). */
struct Operand {
  const float* data;
  size_t stride;
  /** Whether a line is contiguous in memory. */
  bool alongK;

  const float* at(size_t line, size_t k) const { return alongK ? data + line * stride + k : data + k * stride + line; }
};

struct Problem {
  size_t m, n, k;
  Operand a, b;
  float* c;
  size_t ldc;
  bool accumulate;
  const GemmEpilogue* epilogue;
};

const GemmTile& chooseTile() { return matmulBf16() ? isa().gemm.bf16 : isa().gemm.f32; }

/** Elements of k in a block: as equal as they can be, in whole words. */
size_t chooseKBlock(const GemmTile& tile, size_t k) {
  const size_t words = divideUp(k, tile.wordElements);
  const size_t blocks = std::max<size_t>(1, divideUp(words, wordsPerBlock));
  return roundUp(divideUp(words, blocks), 4) * tile.wordElements;
}

/** Columns of B in a block of at most `words` words. */
size_t chooseNBlock(const GemmTile& tile, size_t n, size_t kBlock, size_t words) {
  const size_t panels = divideUp(n, tile.cols);
  const size_t most = std::max<size_t>(1, words / (tile.cols * divideUp(kBlock, tile.wordElements)));
  return divideUp(panels, divideUp(panels, most)) * tile.cols;
}

/** Applies the epilogue to a part of C whose upper left corner is (row, col). */
void finish(const Problem& p, size_t row, size_t col, size_t rows, size_t cols) {
  const GemmEpilogue& e = *p.epilogue;
  isa().gemm.finish(p.c + row * p.ldc + col, p.ldc, rows, cols, e.bias == nullptr ? nullptr : e.bias + col, e.activation,
                    e.pre == nullptr ? nullptr : e.pre + row * e.ldPre + col, e.ldPre);
}

/** C at (row, col), `rows` by `cols`, from packed blocks of A and B. `last`: this was the last block of k. */
void multiplyBlocks(const Problem& p, const GemmTile& tile, size_t row, size_t col, size_t rows, size_t cols, size_t words,
                    const float* packedA, const float* packedB, bool accumulate, bool last) {
  alignas(64) float edge[12 * 32];
  for (size_t j = 0; j < cols; j += tile.cols) {
    const float* panelB = packedB + j * words;
    const size_t tileCols = std::min(tile.cols, cols - j);
    for (size_t i = 0; i < rows; i += tile.rows) {
      const float* panelA = packedA + i * words;
      const size_t tileRows = std::min(tile.rows, rows - i);
      float* c = p.c + (row + i) * p.ldc + col + j;
      if (tileRows == tile.rows && tileCols == tile.cols) {
        tile.multiply(words, panelA, panelB, c, p.ldc, accumulate);
      } else {
        tile.multiply(words, panelA, panelB, edge, tile.cols, 0);
        isa().gemm.addPart(edge, tile.cols, c, p.ldc, tileRows, tileCols, accumulate);
      }
      if (last && p.epilogue != nullptr) finish(p, row + i, col + j, tileRows, tileCols);
    }
  }
}

void packA(const Problem& p, const GemmTile& tile, size_t row, size_t rows, size_t k, size_t kPart, float* to) {
  (p.a.alongK ? tile.packLinesA : tile.packColumnsA)(p.a.at(row, k), p.a.stride, rows, kPart, to);
}

void packB(const Problem& p, const GemmTile& tile, size_t col, size_t cols, size_t k, size_t kPart, float* to) {
  (p.b.alongK ? tile.packLinesB : tile.packColumnsB)(p.b.at(col, k), p.b.stride, cols, kPart, to);
}

/** k = 0: nothing to add up. */
void finishEmpty(const Problem& p) {
  for (size_t i = 0; i < p.m && !p.accumulate; i++) std::fill_n(p.c + i * p.ldc, p.n, 0.0f);
  if (p.epilogue != nullptr) finish(p, 0, 0, p.m, p.n);
}

void multiplySerial(const Problem& p) {
  if (p.k == 0) return finishEmpty(p);
  const GemmTile& tile = chooseTile();
  const size_t kBlock = chooseKBlock(tile, p.k);
  const size_t kWords = kBlock / tile.wordElements;
  const size_t nBlock = chooseNBlock(tile, p.n, kBlock, serialWords);
  float* packedA = scratchFloats(Scratch::gemmA, std::min(roundUp(p.m, tile.rows), rowsPerBlock) * kWords + packSlack);
  float* packedB = scratchFloats(Scratch::gemmB, nBlock * kWords);
  for (size_t col = 0; col < p.n; col += nBlock) {
    const size_t cols = std::min(nBlock, p.n - col);
    for (size_t k = 0; k < p.k; k += kBlock) {
      const size_t kPart = std::min(kBlock, p.k - k);
      const size_t words = divideUp(kPart, tile.wordElements);
      packB(p, tile, col, cols, k, kPart, packedB);
      for (size_t row = 0; row < p.m; row += rowsPerBlock) {
        const size_t rows = std::min(rowsPerBlock, p.m - row);
        packA(p, tile, row, rows, k, kPart, packedA);
        multiplyBlocks(p, tile, row, col, rows, cols, words, packedA, packedB, p.accumulate || k > 0, k + kPart == p.k);
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

void multiplyShared(const Problem& p) {
  const GemmTile& tile = chooseTile();
  const size_t kBlock = chooseKBlock(tile, p.k);
  const size_t kWords = kBlock / tile.wordElements;
  const size_t nBlock = chooseNBlock(tile, p.n, kBlock, sharedWords);
  float* packedB = scratchFloats(Scratch::gemmB, nBlock * kWords);

  // Few blocks of rows are cut into groups of columns as well, so that every thread finds several tasks.
  const size_t rowBlocks = divideUp(p.m, rowsPerBlock);
  const size_t wanted = 4 * threadCount();
  const size_t groupsWanted = rowBlocks >= wanted ? 1 : divideUp(wanted, rowBlocks);
  const size_t groupCols = std::max(roundUp(divideUp(nBlock, groupsWanted), tile.cols), std::min<size_t>(nBlock, 128));
  const size_t packCols = 4 * tile.cols;

  for (size_t col = 0; col < p.n; col += nBlock) {
    const size_t cols = std::min(nBlock, p.n - col);
    const size_t groups = divideUp(cols, groupCols);
    for (size_t k = 0; k < p.k; k += kBlock) {
      const size_t kPart = std::min(kBlock, p.k - k);
      const size_t words = divideUp(kPart, tile.wordElements);
      const size_t packTasks = divideUp(cols, packCols);
      shareTasks(packTasks, [&](auto next) {
        for (size_t t = next(); t < packTasks; t = next()) {
          packB(p, tile, col + t * packCols, std::min(packCols, cols - t * packCols), k, kPart, packedB + t * packCols * words);
        }
      });
      const size_t tasks = rowBlocks * groups;
      shareTasks(tasks, [&](auto next) {
        float* packedA = scratchFloats(Scratch::gemmA, rowsPerBlock * kWords + packSlack);
        size_t packed = rowBlocks;
        for (size_t t = next(); t < tasks; t = next()) {
          const size_t row = t / groups * rowsPerBlock;
          const size_t rows = std::min(rowsPerBlock, p.m - row);
          if (packed != t / groups) packA(p, tile, row, rows, k, kPart, packedA);
          packed = t / groups;
          const size_t begin = t % groups * groupCols;
          multiplyBlocks(p, tile, row, col + begin, rows, std::min(groupCols, cols - begin), words, packedA,
                         packedB + begin * words, p.accumulate || k > 0, k + kPart == p.k);
        }
      });
    }
  }
}

/** Parts of k for outputs too small to keep threads busy; 1 for all others. A function of the shape alone. */
size_t chooseSplits(size_t m, size_t n, size_t k) {
  const size_t tasks = divideUp(m, rowsPerBlock) * divideUp(n, 128);
  if (tasks >= 8) return 1;
  return std::max<size_t>(1, std::min(divideUp(8, tasks), k / 512));
}

void multiplySplit(const Problem& p, size_t splits) {
  const size_t kStep = roundUp(divideUp(p.k, splits), 8);
  const size_t parts = divideUp(p.k, kStep);
  const size_t size = p.m * p.n;
  float* sums = scratchFloats(Scratch::gemmSplit, parts * size);
  shareTasks(parts, [&](auto next) {
    for (size_t t = next(); t < parts; t = next()) {
      Problem part = p;
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
    if (p.epilogue != nullptr) finish(p, begin, 0, end - begin, p.n);
  });
}

Problem makeProblem(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b, size_t ldb,
                    float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue) {
  return {m, n, k, {a, lda, !transA}, {b, ldb, transB}, c, ldc, accumulate, epilogue};
}

}  // namespace

void gemm(bool transA, bool transB, size_t m, size_t n, size_t k, const float* a, size_t lda, const float* b, size_t ldb,
          float* c, size_t ldc, bool accumulate, const GemmEpilogue* epilogue) {
  if (m == 0 || n == 0) return;
  const Problem p = makeProblem(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue);
  const size_t splits = chooseSplits(m, n, k);
  if (k == 0) {
    finishEmpty(p);
  } else if (splits > 1) {
    multiplySplit(p, splits);
  } else if (m * n * k < serialWork) {
    multiplySerial(p);
  } else {
    multiplyShared(p);
  }
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
