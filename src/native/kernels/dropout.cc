/** Dropout of a whole matrix. */
#include <algorithm>

#include "../binding.h"
#include "../dropoutGenerator.h"
#include "../isa.h"
#include "../parallel.h"

using bertwright::parallelFor;

BERTWRIGHT_FUNCTION(dropout, 6) {
  const size_t rows = args.size(2, "rows");
  const size_t cols = args.size(3, "cols");
  const double rate = args.number(4, "dropRate");
  if (!(rate >= 0 && rate < 1)) args.failRange("dropRate must be in [0, 1), found " + std::to_string(rate));
  const uint32_t key = args.uint32(5, "dropKey");
  const size_t count = args.elements({rows, cols});
  args.allowInPlace(0, 1);
  const float* x = args.f32(0, "x", count);
  float* y = args.f32(1, "y", count);
  const uint32_t threshold = dropThreshold(rate);
  const float scale = dropScale(rate);
  const auto dropStretch = isa().elementwise.dropout;
  // By elements, not by rows: a matrix may have few rows and many columns.
  parallelFor(count, 16384, [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end;) {
      const size_t row = at / cols, column = at % cols;
      const size_t length = std::min(cols - column, end - at);
      dropStretch(x + at, y + at, length, dropRowKey(key, static_cast<uint32_t>(row)), static_cast<uint32_t>(column), threshold, scale);
      at += length;
    }
  });
  return nullptr;
}
