/** Query, key and value projections of self-attention, side by side in one buffer [tokens, 3 hidden]; or keys and values alone, [tokens, 2 hidden]. */
#include <initializer_list>
#include <string>

#include "../binding.h"
#include "../gemm.h"

using bertwright::Args;

namespace {

constexpr size_t allParts = 3;

/** The first part that is wanted: the query's is left out where the arrays at these indices, `names`, are all null. */
size_t firstPart(const Args& args, std::initializer_list<size_t> ofQuery, const char* names) {
  const bool missing = args.isNull(*ofQuery.begin());
  for (const size_t index : ofQuery) {
    if (args.isNull(index) != missing) args.failType(std::string(names) + " must be given all or none");
  }
  return missing ? 1 : 0;
}

}  // namespace

BERTWRIGHT_FUNCTION(qkvForward, 10) {
  const size_t tokens = args.size(8, "tokens");
  const size_t hidden = args.size(9, "hidden");
  const size_t square = args.elements({hidden, hidden});
  const size_t first = firstPart(args, {1, 2}, "wq and bq"), width = (allParts - first) * hidden;
  const float* x = args.f32(0, "x", args.elements({tokens, hidden}));
  const float* weights[allParts] = {args.f32OrNull(1, "wq", square), args.f32(3, "wk", square), args.f32(5, "wv", square)};
  const float* biases[allParts] = {args.f32OrNull(2, "bq", hidden), args.f32(4, "bk", hidden), args.f32(6, "bv", hidden)};
  float* qkv = args.f32(7, "qkv", args.elements({tokens, allParts - first, hidden}));
  for (size_t i = first; i < allParts; i++) {
    GemmEpilogue epilogue;
    epilogue.bias = biases[i];
    gemm(false, true, tokens, hidden, hidden, x, hidden, weights[i], hidden, qkv + (i - first) * hidden, width, false, &epilogue);
  }
  return nullptr;
}

BERTWRIGHT_FUNCTION(qkvBackward, 15) {
  const size_t tokens = args.size(12, "tokens");
  const size_t hidden = args.size(13, "hidden");
  const size_t square = args.elements({hidden, hidden});
  const size_t first = firstPart(args, {2, 6, 7}, "wq, dwq and dbq"), width = (allParts - first) * hidden;
  const float* dqkv = args.f32(0, "dqkv", args.elements({tokens, allParts - first, hidden}));
  const float* x = args.f32(1, "x", args.elements({tokens, hidden}));
  const float* weights[allParts] = {args.f32OrNull(2, "wq", square), args.f32(3, "wk", square), args.f32(4, "wv", square)};
  float* dx = args.f32OrNull(5, "dx", args.elements({tokens, hidden}));
  float* dweights[allParts] = {args.f32OrNull(6, "dwq", square), args.f32(8, "dwk", square), args.f32(10, "dwv", square)};
  float* dbiases[allParts] = {args.f32OrNull(7, "dbq", hidden), args.f32(9, "dbk", hidden), args.f32(11, "dbv", hidden)};
  const bool accumulate = args.boolean(14, "accumulate");
  for (size_t i = first; i < allParts; i++) {
    const float* dy = dqkv + (i - first) * hidden;
    if (dx != nullptr) gemm(false, false, tokens, hidden, hidden, dy, width, weights[i], hidden, dx, hidden, accumulate || i > first);
    gemm(true, false, hidden, hidden, tokens, dy, width, x, hidden, dweights[i], hidden, false);
    gemmColumnSums(dy, width, tokens, hidden, dbiases[i], false);
  }
  return nullptr;
}
