/** Query, key and value projections of self-attention, side by side in one buffer [tokens, 3 hidden]. */
#include "../binding.h"
#include "../gemm.h"

namespace {

constexpr size_t parts = 3;

}  // namespace

BERTWRIGHT_FUNCTION(qkvForward, 10) {
  const size_t tokens = args.size(8, "tokens");
  const size_t hidden = args.size(9, "hidden");
  const size_t square = args.elements({hidden, hidden});
  const float* x = args.f32(0, "x", args.elements({tokens, hidden}));
  const float* weights[parts] = {args.f32(1, "wq", square), args.f32(3, "wk", square), args.f32(5, "wv", square)};
  const float* biases[parts] = {args.f32(2, "bq", hidden), args.f32(4, "bk", hidden), args.f32(6, "bv", hidden)};
  float* qkv = args.f32(7, "qkv", args.elements({tokens, parts, hidden}));
  for (size_t i = 0; i < parts; i++) {
    GemmEpilogue epilogue;
    epilogue.bias = biases[i];
    gemm(false, true, tokens, hidden, hidden, x, hidden, weights[i], hidden, qkv + i * hidden, parts * hidden, false, &epilogue);
  }
  return nullptr;
}

BERTWRIGHT_FUNCTION(qkvBackward, 15) {
  const size_t tokens = args.size(12, "tokens");
  const size_t hidden = args.size(13, "hidden");
  const size_t square = args.elements({hidden, hidden});
  const size_t width = parts * hidden;
  const float* dqkv = args.f32(0, "dqkv", args.elements({tokens, width}));
  const float* x = args.f32(1, "x", args.elements({tokens, hidden}));
  const float* weights[parts] = {args.f32(2, "wq", square), args.f32(3, "wk", square), args.f32(4, "wv", square)};
  float* dx = args.f32OrNull(5, "dx", args.elements({tokens, hidden}));
  float* dweights[parts] = {args.f32(6, "dwq", square), args.f32(8, "dwk", square), args.f32(10, "dwv", square)};
  float* dbiases[parts] = {args.f32(7, "dbq", hidden), args.f32(9, "dbk", hidden), args.f32(11, "dbv", hidden)};
  const bool accumulate = args.boolean(14, "accumulate");
  for (size_t i = 0; i < parts; i++) {
    const float* dy = dqkv + i * hidden;
    if (dx != nullptr) gemm(false, false, tokens, hidden, hidden, dy, width, weights[i], hidden, dx, hidden, accumulate || i > 0);
    gemm(true, false, hidden, hidden, tokens, dy, width, x, hidden, dweights[i], hidden, false);
    gemmColumnSums(dy, width, tokens, hidden, dbiases[i], false);
  }
  return nullptr;
}
