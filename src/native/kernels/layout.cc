/** Kernels that only move 4-byte elements: strided copies (transpose, slice, tile), concatenation, gather; and the segment sum. */
#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"

#include <algorithm>
#include <cstring>

using bertwright::parallelFor;

namespace {

constexpr size_t maximumRank = 12;
constexpr size_t grainElements = 16384;
/** Edge of the tiles of a transposition: 16 floats are one cache line. */
constexpr size_t tile = 16;

struct Strided {
  size_t rank = 0;
  size_t dims[maximumRank];
  size_t strides[maximumRank];

  size_t offset(size_t position, size_t count) const {
    size_t result = 0;
    for (size_t d = count; d-- > 0;) {
      result += position % dims[d] * strides[d];
      position /= dims[d];
    }
    return result;
  }
};

void copyRow(const float* x, size_t stride, float* out, size_t count) {
  if (stride == 1) {
    std::memcpy(out, x, count * sizeof(float));
  } else {
    for (size_t i = 0; i < count; i++) out[i] = x[i * stride];
  }
}

/**
 * out[r, c] = x[r + c * stride] for r < rows <= tile, c < cols, out's rows `outStride` apart. Each tile goes through a small
 * buffer, so that a cache line is read once and written once even where the stride puts all lines into one cache set.
 */
void copyTransposed(const float* x, size_t stride, float* out, size_t outStride, size_t rows, size_t cols) {
  float buffer[tile][tile];
  for (size_t c0 = 0; c0 < cols; c0 += tile) {
    const size_t width = std::min(tile, cols - c0);
    for (size_t c = 0; c < width; c++) {
      const float* from = x + (c0 + c) * stride;
      for (size_t r = 0; r < rows; r++) buffer[r][c] = from[r];
    }
    for (size_t r = 0; r < rows; r++) std::memcpy(out + r * outStride + c0, buffer[r], width * sizeof(float));
  }
}

}  // namespace

/** copyStrided(x, out, offset, dims, strides): out, contiguous over dims, from x at offset + sum of index * stride. */
BERTWRIGHT_FUNCTION(copyStrided, 5) {
  Strided from;
  from.rank = args.length(3);
  if (from.rank < 1 || from.rank > maximumRank) args.failRange("dims must have 1 to 12 entries, found " + std::to_string(from.rank));
  const int32_t* dims = args.i32(3, "dims", from.rank);
  const int32_t* strides = args.i32(4, "strides", from.rank);
  const size_t offset = args.size(2, "offset");
  size_t count = 1;
  size_t last = offset;
  for (size_t d = 0; d < from.rank; d++) {
    if (dims[d] < 1 || strides[d] < 0) args.failRange("dims must be positive and strides not negative");
    from.dims[d] = static_cast<size_t>(dims[d]);
    from.strides[d] = static_cast<size_t>(strides[d]);
    count = args.elements({count, from.dims[d]});
    last += args.elements({from.dims[d] - 1, from.strides[d]});
  }
  const float* start = args.f32(0, "x", last + 1);
  const float* x = start + offset;
  float* out = args.f32(1, "out", count);

  const size_t inner = from.dims[from.rank - 1];
  const size_t innerStride = from.strides[from.rank - 1];
  const size_t outer = count / inner;
  // The dimension along which x is contiguous, if that is not the last one.
  size_t unit = from.rank - 1;
  for (size_t d = 0; d + 1 < from.rank; d++) {
    if (from.strides[d] == 1 && from.dims[d] >= 4) unit = d;
  }
  if (innerStride <= 1 || inner < 4 || unit == from.rank - 1) {
    parallelFor(outer, 1 + grainElements / inner, [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; row++) copyRow(x + from.offset(row, from.rank - 1), innerStride, out + row * inner, inner);
    });
    return nullptr;
  }
  // Walks tiles of `unit` x last; the other dimensions are split into those before and those between.
  size_t between = 1;
  for (size_t d = unit + 1; d + 1 < from.rank; d++) between *= from.dims[d];
  const size_t length = from.dims[unit];
  const size_t tiles = (length + tile - 1) / tile;
  const size_t before = outer / (length * between);
  Strided outside;
  for (size_t d = 0; d + 1 < from.rank; d++) {
    if (d == unit) continue;
    outside.dims[outside.rank] = from.dims[d];
    outside.strides[outside.rank++] = from.strides[d];
  }
  parallelFor(before * between * tiles, 1 + grainElements / (tile * inner), [&](size_t begin, size_t end) {
    for (size_t task = begin; task < end; task++) {
      const size_t r = task % tiles * tile;
      const size_t position = task / tiles;
      const size_t target = ((position / between * length + r) * between + position % between) * inner;
      copyTransposed(x + outside.offset(position, outside.rank) + r, innerStride, out + target, between * inner, std::min(tile, length - r), inner);
    }
  });
  return nullptr;
}

/** concatenate(inputs, widths, out, outer): out[outer, sum of widths] from inputs[i] = [outer, widths[i]]. */
BERTWRIGHT_FUNCTION(concatenate, 4) {
  const std::vector<bertwright::FloatSpan> inputs = args.f32List(0, "inputs", bertwright::Access::read);
  const int32_t* widths = args.i32(1, "widths", inputs.size());
  const size_t outer = args.size(3, "outer");
  size_t total = 0;
  for (size_t i = 0; i < inputs.size(); i++) {
    if (widths[i] < 0 || inputs[i].length < args.elements({outer, static_cast<size_t>(std::max(0, widths[i]))})) {
      args.failRange("inputs[" + std::to_string(i) + "] has fewer than outer x " + std::to_string(widths[i]) + " elements");
    }
    total += static_cast<size_t>(widths[i]);
  }
  float* out = args.f32(2, "out", args.elements({outer, total}));
  if (total == 0) return nullptr;
  parallelFor(outer, 1 + grainElements / total, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      float* target = out + row * total;
      for (size_t i = 0; i < inputs.size(); i++) {
        const size_t width = static_cast<size_t>(widths[i]);
        if (width > 0) std::memcpy(target, inputs[i].data + row * width, width * sizeof(float));
        target += width;
      }
    }
  });
  return nullptr;
}

/** gather(x, indices, out, batch, outer, size, picks, inner): out[b,o,p,:] = x[b,o,indices[b,p],:]. */
BERTWRIGHT_FUNCTION(gather, 8) {
  const size_t batch = args.size(3, "batch");
  const size_t outer = args.size(4, "outer");
  const size_t size = args.size(5, "size");
  const size_t picks = args.size(6, "picks");
  const size_t inner = args.size(7, "inner");
  const float* x = args.f32(0, "x", args.elements({batch, outer, size, inner}));
  const int32_t* indices = args.i32(1, "indices", args.elements({batch, picks}));
  float* out = args.f32(2, "out", args.elements({batch, outer, picks, inner}));
  for (size_t i = 0; i < batch * picks; i++) {
    if (indices[i] < 0 || static_cast<size_t>(indices[i]) >= size) {
      args.failRange("indices[" + std::to_string(i) + "] = " + std::to_string(indices[i]) + " is not in [0, " + std::to_string(size) + ")");
    }
  }
  if (inner == 0) return nullptr;
  parallelFor(batch * outer * picks, 1 + grainElements / inner, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      const size_t block = row / picks;
      const size_t index = static_cast<size_t>(indices[block / outer * picks + row % picks]);
      std::memcpy(out + row * inner, x + (block * size + index) * inner, inner * sizeof(float));
    }
  });
  return nullptr;
}

/** segmentSum(x, ids, out, count, inner, segments): out = 0, out[ids[i],:] += x[i,:] in order; ids outside are ignored. */
BERTWRIGHT_FUNCTION(segmentSum, 6) {
  const size_t count = args.size(3, "count");
  const size_t inner = args.size(4, "inner");
  const size_t segments = args.size(5, "segments");
  const float* x = args.f32(0, "x", args.elements({count, inner}));
  const int32_t* ids = args.i32(1, "ids", count);
  float* out = args.f32(2, "out", args.elements({segments, inner}));
  // Columns are shared out: every sum then runs in the order of i, whatever the thread count.
  parallelFor(inner, 32, [&](size_t begin, size_t end) {
    const size_t width = end - begin;
    for (size_t s = 0; s < segments; s++) std::memset(out + s * inner + begin, 0, width * sizeof(float));
    for (size_t i = 0; i < count; i++) {
      if (ids[i] < 0 || static_cast<size_t>(ids[i]) >= segments) continue;
      isa().reduce.into[reduceSum](out + static_cast<size_t>(ids[i]) * inner + begin, x + i * inner + begin, width);
    }
  });
  return nullptr;
}
