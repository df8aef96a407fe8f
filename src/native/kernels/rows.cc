/** Rows of matrices picked by index: the embedding sum, gather, and the scatter that is their gradient. */
#include <algorithm>
#include <cstring>

#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"

using bertwright::Args;
using bertwright::parallelFor;

namespace {

/** Rows a task takes at least: below about 8,192 elements a thread's start costs more than it saves. */
size_t rowGrain(size_t cols) { return 1 + 8192 / (cols + 1); }

/** `count` indices below `limit`, or a RangeError that names the first that is not. */
const int32_t* readRows(const Args& args, size_t index, const char* name, size_t count, size_t limit, const char* table) {
  const int32_t* rows = args.i32(index, name, count);
  for (size_t i = 0; i < count; i++) {
    if (rows[i] < 0 || static_cast<size_t>(rows[i]) >= limit) {
      args.failRange(std::string(name) + "[" + std::to_string(i) + "] = " + std::to_string(rows[i]) + " is outside the " + std::to_string(limit) +
                     " rows of " + table);
    }
  }
  return rows;
}

/** Whole rows of `cols` > 0 floats that the array at `index` holds. */
size_t rowsOf(const Args& args, size_t index, size_t cols) { return args.length(index) / cols; }

}  // namespace

BERTWRIGHT_FUNCTION(embeddingForward, 9) {
  const size_t tokens = args.size(7, "tokens");
  const size_t hidden = args.size(8, "hidden");
  if (hidden < 1) args.failRange("hidden must be 1 or more, found 0");
  const float* word = args.f32(0, "word", rowsOf(args, 0, hidden) * hidden);
  const float* position = args.f32(1, "position", rowsOf(args, 1, hidden) * hidden);
  const float* tokenType = args.f32(2, "tokenType", rowsOf(args, 2, hidden) * hidden);
  const int32_t* ids = readRows(args, 3, "ids", tokens, rowsOf(args, 0, hidden), "word");
  const int32_t* positions = readRows(args, 4, "positions", tokens, rowsOf(args, 1, hidden), "position");
  const int32_t* types = readRows(args, 5, "types", tokens, rowsOf(args, 2, hidden), "tokenType");
  float* y = args.f32(6, "y", args.elements({tokens, hidden}));
  const auto addRows = isa().elementwise.addThree;
  parallelFor(tokens, rowGrain(hidden), [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; t++) {
      addRows(word + ids[t] * hidden, position + positions[t] * hidden, tokenType + types[t] * hidden, y + t * hidden, hidden);
    }
  });
  return nullptr;
}

BERTWRIGHT_FUNCTION(gatherRows, 5) {
  const size_t count = args.size(3, "count");
  const size_t hidden = args.size(4, "hidden");
  if (hidden < 1) args.failRange("hidden must be 1 or more, found 0");
  const float* x = args.f32(0, "x", rowsOf(args, 0, hidden) * hidden);
  const int32_t* rows = readRows(args, 1, "rows", count, rowsOf(args, 0, hidden), "x");
  float* y = args.f32(2, "y", args.elements({count, hidden}));
  parallelFor(count, rowGrain(hidden), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) std::memcpy(y + i * hidden, x + rows[i] * hidden, hidden * sizeof(float));
  });
  return nullptr;
}

BERTWRIGHT_FUNCTION(scatterAddRows, 6) {
  const size_t count = args.size(3, "count");
  const size_t hidden = args.size(4, "hidden");
  const size_t numRows = args.size(5, "numRows");
  const float* dy = args.f32(0, "dy", args.elements({count, hidden}));
  const int32_t* rows = readRows(args, 1, "rows", count, numRows, "out");
  float* out = args.f32(2, "out", args.elements({numRows, hidden}));
  const auto addRow = isa().reduce.into[reduceSum];
  // Each task owns a rectangle of the output and walks through all rows in order, so no two tasks write one element and the
  // order of the sums is that of the input. Tables of few rows (token types) are cut by columns instead.
  constexpr size_t columnsPerTask = 64;
  const bool byColumns = numRows <= 64;
  const size_t grain = byColumns ? columnsPerTask : 1 + 65536 / (hidden + 1);
  parallelFor(byColumns ? hidden : numRows, grain, [&](size_t begin, size_t end) {
    if (byColumns) {
      for (size_t row = 0; row < numRows; row++) std::memset(out + row * hidden + begin, 0, (end - begin) * sizeof(float));
      for (size_t i = 0; i < count; i++) addRow(out + rows[i] * hidden + begin, dy + i * hidden + begin, end - begin);
    } else {
      std::memset(out + begin * hidden, 0, (end - begin) * hidden * sizeof(float));
      for (size_t i = 0; i < count; i++) {
        const size_t row = static_cast<size_t>(rows[i]);
        if (row >= begin && row < end) addRow(out + row * hidden, dy + i * hidden, hidden);
      }
    }
  });
  return nullptr;
}
