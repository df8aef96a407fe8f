/** Binary operations with broadcasting and unary ones: what the generic tfjs kernels call. */
#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"

using bertwright::parallelFor;

namespace {

constexpr size_t elementGrain = 8192;
constexpr size_t maximumRank = 8;

/** Index and strides of both operands while a broadcast walks the outer dimensions of its output. */
struct Broadcast {
  size_t rank;
  size_t dims[maximumRank];
  size_t strideA[maximumRank];
  size_t strideB[maximumRank];

  /** Offsets of the operands for the outer position (all dimensions but the last). */
  void offsets(size_t outer, size_t* a, size_t* b) const {
    *a = 0;
    *b = 0;
    for (size_t d = rank - 1; d-- > 0;) {
      const size_t index = outer % dims[d];
      outer /= dims[d];
      *a += index * strideA[d];
      *b += index * strideB[d];
    }
  }
};

/** Elements an operand must have for its last position to exist. */
size_t reach(const bertwright::Args& args, const size_t* dims, const size_t* strides, size_t rank) {
  size_t last = 0;
  for (size_t d = 0; d < rank; d++) last += args.elements({dims[d] - 1, strides[d]});
  return last + 1;
}

}  // namespace

/** binary(code, a, b, out, dims, stridesA, stridesB): out is contiguous over dims; strides in elements, 0 repeats. */
BERTWRIGHT_FUNCTION(binary, 7) {
  const size_t code = args.size(0, "code");
  if (code >= binaryCodes) args.failRange("code must be below " + std::to_string(binaryCodes) + ", found " + std::to_string(code));
  Broadcast shape{};
  shape.rank = args.length(4);
  if (shape.rank < 1 || shape.rank > maximumRank) args.failRange("dims must have 1 to 8 entries, found " + std::to_string(shape.rank));
  const int32_t* dims = args.i32(4, "dims", shape.rank);
  const int32_t* stridesA = args.i32(5, "stridesA", shape.rank);
  const int32_t* stridesB = args.i32(6, "stridesB", shape.rank);
  size_t count = 1;
  for (size_t d = 0; d < shape.rank; d++) {
    if (dims[d] < 1 || stridesA[d] < 0 || stridesB[d] < 0) args.failRange("dims must be positive and strides not negative");
    shape.dims[d] = static_cast<size_t>(dims[d]);
    shape.strideA[d] = static_cast<size_t>(stridesA[d]);
    shape.strideB[d] = static_cast<size_t>(stridesB[d]);
    count = args.elements({count, shape.dims[d]});
  }
  const size_t inner = shape.dims[shape.rank - 1];
  const size_t innerA = shape.strideA[shape.rank - 1];
  const size_t innerB = shape.strideB[shape.rank - 1];
  if (innerA + innerB < 1 || innerA > 1 || innerB > 1) args.failRange("stridesA and stridesB: the last dimension must be contiguous in an operand and repeated or contiguous in the other");
  const float* a = args.f32(1, "a", reach(args, shape.dims, shape.strideA, shape.rank));
  const float* b = args.f32(2, "b", reach(args, shape.dims, shape.strideB, shape.rank));
  float* out = args.f32(3, "out", count);

  const auto loop = isa().broadcast.binary[code][innerB == 0 ? leftVaries : innerA == 0 ? rightVaries : bothVary];
  const size_t outer = count / inner;
  if (outer == 1) {
    parallelFor(inner, elementGrain, [&](size_t begin, size_t end) { loop(a + begin * innerA, b + begin * innerB, out + begin, end - begin); });
    return nullptr;
  }
  parallelFor(outer, 1 + elementGrain / inner, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      size_t offsetA, offsetB;
      shape.offsets(row, &offsetA, &offsetB);
      loop(a + offsetA, b + offsetB, out + row * inner, inner);
    }
  });
  return nullptr;
}

/** unary(code, x, out, count). */
BERTWRIGHT_FUNCTION(unary, 4) {
  const size_t code = args.size(0, "code");
  if (code >= unaryCodes) args.failRange("code must be below " + std::to_string(unaryCodes) + ", found " + std::to_string(code));
  const size_t count = args.size(3, "count");
  args.allowInPlace(1, 2);
  const float* x = args.f32(1, "x", count);
  float* out = args.f32(2, "out", count);
  const auto loop = isa().broadcast.unary[code];
  parallelFor(count, elementGrain, [&](size_t begin, size_t end) { loop(x + begin, out + begin, end - begin); });
  return nullptr;
}
