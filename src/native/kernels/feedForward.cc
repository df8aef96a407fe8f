/**
 * The feed-forward block y = activation(x W1^T + b1) W2^T + b2 (Vaswani et al., 2017, section 3.3), forward and backward.
 * Of the wide layer only the activation's argument is kept; its value is made again beside the derivative, in the
 * epilogue of the product that needs both.
 */
#include "../binding.h"
#include "../gemm.h"
#include "../scratch.h"
#include "activationCode.h"

using bertwright::Args;
using bertwright::readActivation;
using bertwright::Scratch;
using bertwright::scratchFloats;

namespace {

struct Sizes {
  size_t m, hidden, inner, narrow, wide, weights;

  Sizes(const Args& args, size_t index)
      : m(args.size(index, "m")), hidden(args.size(index + 1, "hidden")), inner(args.size(index + 2, "inner")),
        narrow(args.elements({m, hidden})), wide(args.elements({m, inner})), weights(args.elements({hidden, inner})) {}
};

}  // namespace

BERTWRIGHT_FUNCTION(feedForwardForward, 11) {
  const Sizes s(args, 7);
  const float* x = args.f32(0, "x", s.narrow);
  const float* w1 = args.f32(1, "w1", s.weights);
  GemmEpilogue first, second;
  first.bias = args.f32(2, "b1", s.inner);
  const float* w2 = args.f32(3, "w2", s.weights);
  second.bias = args.f32(4, "b2", s.hidden);
  first.pre = args.f32OrNull(5, "pre", s.wide);
  first.ldPre = s.inner;
  float* y = args.f32(6, "y", s.narrow);
  first.activation = readActivation(args, 10);
  float* activated = scratchFloats(Scratch::linear, s.wide);
  gemm(false, true, s.m, s.inner, s.hidden, x, s.hidden, w1, s.hidden, activated, s.inner, false, &first);
  gemm(false, true, s.m, s.hidden, s.inner, activated, s.inner, w2, s.inner, y, s.hidden, false, &second);
  return nullptr;
}

BERTWRIGHT_FUNCTION(feedForwardBackward, 15) {
  const Sizes s(args, 10);
  const float* dy = args.f32(0, "dy", s.narrow);
  const float* x = args.f32(1, "x", s.narrow);
  float* pre = args.f32(2, "pre", s.wide);
  const float* w1 = args.f32(3, "w1", s.weights);
  const float* w2 = args.f32(4, "w2", s.weights);
  float* dx = args.f32OrNull(5, "dx", s.narrow);
  float* dw1 = args.f32(6, "dw1", s.weights);
  float* db1 = args.f32(7, "db1", s.inner);
  float* dw2 = args.f32(8, "dw2", s.weights);
  float* db2 = args.f32(9, "db2", s.hidden);
  GemmEpilogue slope;
  slope.slope = true;
  slope.activation = readActivation(args, 13);
  slope.pre = pre;
  slope.ldPre = s.inner;
  slope.columnSums = db1;
  const bool accumulate = args.boolean(14, "accumulate");
  float* dpre = scratchFloats(Scratch::linear, s.wide);
  gemm(false, false, s.m, s.inner, s.hidden, dy, s.hidden, w2, s.inner, dpre, s.inner, false, &slope);
  const float* activated = pre;
  gemm(true, false, s.hidden, s.inner, s.m, dy, s.hidden, activated, s.inner, dw2, s.inner, false);
  gemmColumnSums(dy, s.hidden, s.m, s.hidden, db2, false);
  gemm(true, false, s.inner, s.hidden, s.m, dpre, s.inner, x, s.hidden, dw1, s.hidden, false);
  if (dx != nullptr) gemm(false, false, s.m, s.hidden, s.inner, dpre, s.inner, w1, s.hidden, dx, s.hidden, accumulate);
  return nullptr;
}
