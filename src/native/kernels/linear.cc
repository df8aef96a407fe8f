/** Fully connected layers, forward and backward: y = x weight^T + bias, alone or followed by an activation. */
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
  size_t m, n, k, mn, mk, nk;

  Sizes(const Args& args, size_t index)
      : m(args.size(index, "m")), n(args.size(index + 1, "n")), k(args.size(index + 2, "k")), mn(args.elements({m, n})),
        mk(args.elements({m, k})), nk(args.elements({n, k})) {}
};

void backward(const Sizes& s, const float* dy, const float* x, const float* weight, float* dx, float* dweight, float* dbias) {
  if (dx != nullptr) gemm(false, false, s.m, s.k, s.n, dy, s.n, weight, s.k, dx, s.k, false);
  if (dweight != nullptr) gemm(true, false, s.n, s.k, s.m, dy, s.n, x, s.k, dweight, s.k, false);
  if (dbias != nullptr) gemmColumnSums(dy, s.n, s.m, s.n, dbias, false);
}

}  // namespace

BERTWRIGHT_FUNCTION(linearForward, 7) {
  const Sizes s(args, 4);
  const float* x = args.f32(0, "x", s.mk);
  const float* weight = args.f32(1, "weight", s.nk);
  GemmEpilogue epilogue;
  epilogue.bias = args.f32OrNull(2, "bias", s.n);
  float* y = args.f32(3, "y", s.mn);
  gemm(false, true, s.m, s.n, s.k, x, s.k, weight, s.k, y, s.n, false, epilogue.bias == nullptr ? nullptr : &epilogue);
  return nullptr;
}

BERTWRIGHT_FUNCTION(linearBackward, 9) {
  const Sizes s(args, 6);
  const float* dy = args.f32(0, "dy", s.mn);
  const float* x = args.f32(1, "x", s.mk);
  const float* weight = args.f32(2, "weight", s.nk);
  float* dx = args.f32OrNull(3, "dx", s.mk);
  float* dweight = args.f32OrNull(4, "dweight", s.nk);
  float* dbias = args.f32OrNull(5, "dbias", s.n);
  backward(s, dy, x, weight, dx, dweight, dbias);
  return nullptr;
}

BERTWRIGHT_FUNCTION(linearActivationForward, 9) {
  const Sizes s(args, 5);
  const float* x = args.f32(0, "x", s.mk);
  const float* weight = args.f32(1, "weight", s.nk);
  GemmEpilogue epilogue;
  epilogue.bias = args.f32(2, "bias", s.n);
  epilogue.pre = args.f32OrNull(3, "pre", s.mn);
  epilogue.ldPre = s.n;
  float* y = args.f32(4, "y", s.mn);
  epilogue.activation = readActivation(args, 8);
  gemm(false, true, s.m, s.n, s.k, x, s.k, weight, s.k, y, s.n, false, &epilogue);
  return nullptr;
}

BERTWRIGHT_FUNCTION(linearActivationBackward, 11) {
  const Sizes s(args, 7);
  const float* dy = args.f32(0, "dy", s.mn);
  const float* pre = args.f32(1, "pre", s.mn);
  const float* x = args.f32(2, "x", s.mk);
  const float* weight = args.f32(3, "weight", s.nk);
  float* dx = args.f32OrNull(4, "dx", s.mk);
  float* dweight = args.f32OrNull(5, "dweight", s.nk);
  float* dbias = args.f32OrNull(6, "dbias", s.n);
  const int activation = readActivation(args, 10);
  float* dpre = scratchFloats(Scratch::linear, s.mn);
  gemmActivationGradient(activation, dy, pre, dpre, s.mn);
  backward(s, dpre, x, weight, dx, dweight, dbias);
  return nullptr;
}
