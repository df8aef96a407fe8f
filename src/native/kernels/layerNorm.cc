/** Layer normalisation over the rows of a matrix, forward and backward. */
#include <algorithm>
#include <cstring>

#include "../binding.h"
#include "../dropoutGenerator.h"
#include "../isa.h"
#include "../parallel.h"
#include "../scratch.h"

using bertwright::Args;
using bertwright::parallelFor;
using bertwright::Scratch;

namespace {

/** Blocks into which the sums over rows are cut: they depend on the number of rows only, so that the result does too. */
constexpr size_t leastRowsPerBlock = 32;
constexpr size_t mostBlocks = 128;

/** Rows a task takes at least: below about 8,192 elements a thread's start costs more than it saves. */
size_t rowGrain(size_t cols) { return 1 + 8192 / cols; }

struct Dropout {
  uint32_t key;
  uint32_t threshold;
  float scale;

  RowDropout row(size_t index) const { return {dropRowKey(key, static_cast<uint32_t>(index)), threshold, scale}; }
};

Dropout readDropout(const Args& args, size_t index) {
  const double rate = args.number(index, "dropRate");
  if (!(rate >= 0 && rate < 1)) args.failRange("dropRate must be in [0, 1), found " + std::to_string(rate));
  return {args.uint32(index + 1, "dropKey"), dropThreshold(rate), dropScale(rate)};
}

}  // namespace

BERTWRIGHT_FUNCTION(layerNormForward, 12) {
  const size_t rows = args.size(7, "rows");
  const size_t cols = args.size(8, "cols");
  if (cols < 1) args.failRange("cols must be 1 or more, found 0");
  const float epsilon = static_cast<float>(args.number(9, "epsilon"));
  const Dropout dropout = readDropout(args, 10);
  const size_t count = args.elements({rows, cols});
  args.allowInPlace(0, 4);
  const float* x = args.f32(0, "x", count);
  const float* residual = args.f32OrNull(1, "residual", count);
  const float* gamma = args.f32(2, "gamma", cols);
  const float* beta = args.f32(3, "beta", cols);
  float* y = args.f32(4, "y", count);
  float* xhat = args.f32OrNull(5, "xhat", count);
  float* rstd = args.f32(6, "rstd", rows);
  const auto forwardRow = isa().layerNorm.forwardRow;
  parallelFor(rows, rowGrain(cols), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      const size_t at = row * cols;
      rstd[row] = forwardRow(x + at, residual == nullptr ? nullptr : residual + at, gamma, beta, y + at, xhat == nullptr ? nullptr : xhat + at, cols,
                             epsilon, dropout.row(row));
    }
  });
  return nullptr;
}

BERTWRIGHT_FUNCTION(layerNormBackward, 12) {
  const size_t rows = args.size(8, "rows");
  const size_t cols = args.size(9, "cols");
  if (cols < 1) args.failRange("cols must be 1 or more, found 0");
  const Dropout dropout = readDropout(args, 10);
  const size_t count = args.elements({rows, cols});
  const float* dy = args.f32(0, "dy", count);
  const float* xhat = args.f32(1, "xhat", count);
  const float* rstd = args.f32(2, "rstd", rows);
  const float* gamma = args.f32(3, "gamma", cols);
  float* dx = args.f32(4, "dx", count);
  float* dresidual = args.f32OrNull(5, "dresidual", count);
  float* dgamma = args.f32(6, "dgamma", cols);
  float* dbeta = args.f32(7, "dbeta", cols);
  const size_t rowsPerBlock = std::max(leastRowsPerBlock, (rows + mostBlocks - 1) / mostBlocks);
  const size_t blocks = (rows + rowsPerBlock - 1) / rowsPerBlock;
  // Sums of each block: dgamma, then dbeta.
  float* partial = bertwright::scratchFloats(Scratch::layerNorm, blocks * 2 * cols);
  const auto backwardRow = isa().layerNorm.backwardRow;
  parallelFor(blocks, 1, [&](size_t begin, size_t end) {
    for (size_t block = begin; block < end; block++) {
      float* sums = partial + block * 2 * cols;
      std::memset(sums, 0, 2 * cols * sizeof(float));
      const size_t last = std::min(rows, (block + 1) * rowsPerBlock);
      for (size_t row = block * rowsPerBlock; row < last; row++) {
        const size_t at = row * cols;
        backwardRow(dy + at, xhat + at, rstd[row], gamma, dx + at, dresidual == nullptr ? nullptr : dresidual + at, sums, sums + cols, cols,
                    dropout.row(row));
      }
    }
  });
  std::memset(dgamma, 0, cols * sizeof(float));
  std::memset(dbeta, 0, cols * sizeof(float));
  for (size_t block = 0; block < blocks; block++) {
    const float* sums = partial + block * 2 * cols;
    isa().reduce.into[reduceSum](dgamma, sums, cols);
    isa().reduce.into[reduceSum](dbeta, sums + cols, cols);
  }
  return nullptr;
}
