/** Sums, means, extremes, softmax. Blocks are cut by shape alone, so that results do not depend on the thread count. */
#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"
#include "../scratch.h"

#include <algorithm>
#include <cstring>

using bertwright::parallelFor;
using bertwright::Scratch;
using bertwright::scratchFloats;

namespace {

constexpr size_t blockElements = 16384;
constexpr size_t meanCode = reduceCodes;

/** One block of rows [begin, end) of x[mid, inner] reduced to out[inner]. */
void reduceBlock(size_t code, const float* x, float* out, size_t begin, size_t end, size_t inner) {
  if (inner == 1) {
    out[0] = isa().reduce.row[code](x + begin, end - begin);
    return;
  }
  std::memcpy(out, x + begin * inner, inner * sizeof(float));
  for (size_t row = begin + 1; row < end; row++) isa().reduce.into[code](out, x + row * inner, inner);
}

}  // namespace

/** reduce(code, x, out, outer, mid, inner): out[outer, inner] from x[outer, mid, inner]; code 3 is the mean. mid > 0. */
BERTWRIGHT_FUNCTION(reduce, 6) {
  const size_t given = args.size(0, "code");
  if (given > meanCode) args.failRange("code must be at most " + std::to_string(meanCode) + ", found " + std::to_string(given));
  const size_t code = given == meanCode ? static_cast<size_t>(reduceSum) : given;
  const size_t outer = args.size(3, "outer");
  const size_t mid = args.size(4, "mid");
  const size_t inner = args.size(5, "inner");
  if (mid == 0) args.failRange("mid must be positive");
  const float* x = args.f32(1, "x", args.elements({outer, mid, inner}));
  float* out = args.f32(2, "out", args.elements({outer, inner}));
  if (outer == 0 || inner == 0) return nullptr;

  const size_t rows = std::max({size_t{1}, blockElements / inner, (mid + 63) / 64});
  const size_t blocks = (mid + rows - 1) / rows;
  float* partial = blocks == 1 ? out : scratchFloats(Scratch::reduce, outer * blocks * inner);
  parallelFor(outer * blocks, std::max<size_t>(1, blockElements / (std::min(rows, mid) * inner)), [&](size_t begin, size_t end) {
    for (size_t task = begin; task < end; task++) {
      const size_t first = task % blocks * rows;
      reduceBlock(code, x + task / blocks * mid * inner, partial + task * inner, first, std::min(mid, first + rows), inner);
    }
  });
  if (blocks > 1) {
    for (size_t o = 0; o < outer; o++) reduceBlock(code, partial + o * blocks * inner, out + o * inner, 0, blocks, inner);
  }
  if (given == meanCode) {
    const float count = static_cast<float>(mid);
    isa().broadcast.binary[binaryDiv][leftVaries](out, &count, out, outer * inner);
  }
  return nullptr;
}

/** softmax(x, y, rows, cols). */
BERTWRIGHT_FUNCTION(softmax, 4) {
  const size_t rows = args.size(2, "rows");
  const size_t cols = args.size(3, "cols");
  const size_t count = args.elements({rows, cols});
  const float* x = args.f32(0, "x", count);
  float* y = args.f32(1, "y", count);
  if (cols == 0) return nullptr;
  parallelFor(rows, 1 + 4096 / cols, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) isa().reduce.softmaxRow(x + row * cols, y + row * cols, cols);
  });
  return nullptr;
}
