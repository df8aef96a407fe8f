/** The plain matrix product, and the measure that products are judged by. */
#include "../gemm.h"

#include <algorithm>
#include <chrono>

#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"

using bertwright::makeNumber;
using bertwright::parallelFor;

BERTWRIGHT_FUNCTION(gemm, 9) {
  const bool transA = args.boolean(0, "transA");
  const bool transB = args.boolean(1, "transB");
  const size_t m = args.size(2, "m");
  const size_t n = args.size(3, "n");
  const size_t k = args.size(4, "k");
  const float* a = args.f32(5, "a", args.elements({m, k}));
  const float* b = args.f32(6, "b", args.elements({k, n}));
  float* out = args.f32(7, "out", args.elements({m, n}));
  const bool accumulate = args.boolean(8, "accumulate");
  gemm(transA, transB, m, n, k, a, transA ? m : k, b, transB ? k : n, out, n, accumulate);
  return nullptr;
}

/**
 * Billions of floating-point operations per second that all threads together reach on registers alone, best of several
 * short runs; those with bfloat16 products give these, the others float32's. The instruction set in use stays.
 */
BERTWRIGHT_FUNCTION(measurePeakGflops, 1) {
  const std::string name = args.string(0, "isa");
  const std::string before = isa().name;
  if (!isaChoose(name.c_str())) args.failRange("isa '" + name + "' is not among the instruction sets of this processor and build");
  const size_t threads = bertwright::threadCount();
  const auto spin = isa().gemm.spin;
  isaChoose(before.c_str());
  constexpr size_t rounds = 50000;
  double best = 0;
  for (int repeat = 0; repeat < 100; repeat++) {
    const auto start = std::chrono::steady_clock::now();
    parallelFor(threads, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; i++) {
        float sink[3] = {0.5f, 0.25f, 0.0f};
        spin(rounds, sink);
      }
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    float sink[3] = {0.5f, 0.25f, 0.0f};
    best = std::max(best, static_cast<double>(threads) * spin(1, sink) * rounds / seconds / 1e9);
  }
  return makeNumber(args.env(), best);
}
