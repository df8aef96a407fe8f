/** Whole-model passes of the optimizer step: the sum of squares for the gradient's norm, and AdamW (Loshchilov and Hutter, 2019). */
#include <algorithm>
#include <cmath>

#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"

using bertwright::Access;
using bertwright::Args;
using bertwright::FloatSpan;
using bertwright::parallelFor;

namespace {

/** Arrays are cut into chunks of this many elements, whatever the thread count, so that sums do not depend on it. */
constexpr size_t chunkElements = 16384;

struct Chunk {
  size_t array;
  size_t begin;
  size_t length;
};

std::vector<Chunk> chunksOf(const std::vector<FloatSpan>& arrays) {
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < arrays.size(); i++) {
    for (size_t begin = 0; begin < arrays[i].length; begin += chunkElements) {
      chunks.push_back({i, begin, std::min(chunkElements, arrays[i].length - begin)});
    }
  }
  return chunks;
}

/** The list at `index`, with the lengths of `params`. */
std::vector<FloatSpan> readMatching(const Args& args, size_t index, const char* name, Access access, const std::vector<FloatSpan>& params) {
  const std::vector<FloatSpan> list = args.f32List(index, name, access);
  if (list.size() != params.size()) {
    args.failRange(std::string(name) + " must have " + std::to_string(params.size()) + " arrays as params has, found " + std::to_string(list.size()));
  }
  for (size_t i = 0; i < list.size(); i++) {
    if (list[i].length != params[i].length) {
      args.failRange(std::string(name) + "[" + std::to_string(i) + "] must have " + std::to_string(params[i].length) + " elements as params[" +
                     std::to_string(i) + "] has, found " + std::to_string(list[i].length));
    }
  }
  return list;
}

}  // namespace

BERTWRIGHT_FUNCTION(sumOfSquares, 1) {
  const std::vector<FloatSpan> arrays = args.f32List(0, "arrays", Access::read);
  const std::vector<Chunk> chunks = chunksOf(arrays);
  std::vector<double> sums(chunks.size());
  const auto sumOfSquares = isa().optimizer.sumOfSquares;
  parallelFor(chunks.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) sums[i] = sumOfSquares(arrays[chunks[i].array].data + chunks[i].begin, chunks[i].length);
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return bertwright::makeNumber(args.env(), total);
}

BERTWRIGHT_FUNCTION(adamwUpdate, 13) {
  const std::vector<FloatSpan> params = args.f32List(0, "params", Access::write);
  const std::vector<FloatSpan> grads = readMatching(args, 1, "grads", Access::read, params);
  const std::vector<FloatSpan> ms = readMatching(args, 2, "ms", Access::write, params);
  const std::vector<FloatSpan> vs = readMatching(args, 3, "vs", Access::write, params);
  const float* weightDecay = args.f32(4, "weightDecay", params.size());
  const float* lrScale = args.f32(5, "lrScale", params.size());
  const double learningRate = args.number(6, "learningRate");
  const double beta1 = args.number(7, "beta1");
  const double beta2 = args.number(8, "beta2");
  const double epsilon = args.number(9, "epsilon");
  const double correction1 = args.number(10, "correction1");
  const double correction2 = args.number(11, "correction2");
  const double gradScale = args.number(12, "gradScale");
  const std::vector<Chunk> chunks = chunksOf(params);
  const auto adamw = isa().optimizer.adamw;
  parallelFor(chunks.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const Chunk& chunk = chunks[i];
      const double rate = learningRate * lrScale[chunk.array];
      const AdamWConstants constants = {
          static_cast<float>(gradScale),
          static_cast<float>(beta1), static_cast<float>(1.0 - beta1),
          static_cast<float>(beta2), static_cast<float>(1.0 - beta2),
          static_cast<float>(rate / correction1), static_cast<float>(1.0 / std::sqrt(correction2)),
          static_cast<float>(epsilon), static_cast<float>(rate * weightDecay[chunk.array]),
      };
      adamw(params[chunk.array].data + chunk.begin, grads[chunk.array].data + chunk.begin, ms[chunk.array].data + chunk.begin,
            vs[chunk.array].data + chunk.begin, chunk.length, &constants);
    }
  });
  return nullptr;
}
