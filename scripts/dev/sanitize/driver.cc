/**
 * Hammers the addon's C++ without Node.js, for sanitizers that cannot run inside it (ThreadSanitizer): the thread pool from
 * several threads at once while its size changes and tasks throw, and matrix products, attention, reductions and optimizer
 * steps on random odd shapes, whose bits must not depend on the number of threads.
 *
 *   driver [seconds] [seed]     works for about so long; exit status 1 with the first difference
 *   driver overflow | race      makes that mistake on purpose: proof that the sanitizer it was built with is awake
 */
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gemm.h"
#include "isa.h"
#include "parallel.h"
#include "scratch.h"

using bertwright::parallelFor;
using bertwright::setThreadCount;

namespace {

using Floats = std::vector<float>;
using Clock = std::chrono::steady_clock;

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  size_t upTo(size_t most, size_t least = 1) { return least + engine_() % (most - least + 1); }
  bool coin() { return engine_() % 2 == 0; }
  Floats floats(size_t count) {
    Floats values(count);
    for (float& value : values) value = static_cast<float>(static_cast<int64_t>(engine_() % 2001) - 1000) / 1000.0f;
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "driver: %s\n", what.c_str());
  std::_Exit(1);
}

void demandSame(const Floats& found, const Floats& expected, const std::string& what) {
  if (std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0) return;
  size_t at = 0;
  while (std::memcmp(&found[at], &expected[at], sizeof(float)) == 0) at++;
  fail(what + ": element " + std::to_string(at) + " is " + std::to_string(found[at]) + ", with one thread " + std::to_string(expected[at]));
}

/** A computation on its own data, which gives the same bits whenever it runs. */
struct Job {
  std::string name;
  std::vector<Floats> inputs;
  Floats (*run)(const Job& job);
  size_t sizes[4];
  bool flags[3];
};

Floats runGemm(const Job& job) {
  const auto [m, n, k, unused] = job.sizes;
  (void)unused;
  const auto [transA, transB, epilogued] = job.flags;
  Floats c(m * n, 0.5f);
  GemmEpilogue epilogue;
  epilogue.bias = job.inputs[2].data();
  epilogue.activation = GEMM_GELU;
  gemm(transA, transB, m, n, k, job.inputs[0].data(), transA ? m : k, job.inputs[1].data(), transB ? k : n, c.data(), n, !epilogued, epilogued ? &epilogue : nullptr);
  return c;
}

Job makeGemm(Dice& dice) {
  // Rows, columns and sums beyond one block in turn; never all three, for the sake of time.
  const size_t wide = dice.upTo(3, 0);
  const size_t m = wide == 0 ? dice.upTo(700) : dice.upTo(130), n = wide == 1 ? dice.upTo(6000) : dice.upTo(200), k = wide == 2 ? dice.upTo(3000) : dice.upTo(wide == 1 ? 900 : 300);
  Job job{"gemm " + std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k), {dice.floats(m * k), dice.floats(k * n), dice.floats(n)}, runGemm, {m, n, k, 0}, {}};
  for (bool& flag : job.flags) flag = dice.coin();
  return job;
}

Floats runAttention(const Job& job) {
  const auto [tokens, heads, headDim, backward] = job.sizes;
  const size_t hidden = heads * headDim;
  Floats out(tokens * hidden), lse(tokens * heads), dqkv(3 * tokens * hidden);
  const Floats& qkv = job.inputs[0];
  parallelFor(heads, 1, [&, headDim = headDim, heads = heads, tokens = tokens, backward = backward](size_t begin, size_t end) {
    for (size_t head = begin; head < end; head++) {
      AttentionTask task = {};
      task.length = task.queries = tokens;
      task.headDim = headDim;
      task.queryStride = task.keyValueStride = 3 * hidden;
      task.query = qkv.data() + head * headDim;
      task.key = task.query + hidden;
      task.value = task.key + hidden;
      task.out = out.data() + head * headDim;
      task.outStride = hidden;
      task.lse = lse.data() + head;
      task.lseStride = heads;
      task.dropKey = 7;
      task.firstRow = static_cast<uint32_t>(head);
      task.rowStep = static_cast<uint32_t>(heads);
      task.threshold = 1u << 30;
      task.dropScale = 4.0f / 3.0f;
      task.dout = job.inputs[1].data() + head * headDim;
      task.dquery = dqkv.data() + head * headDim;
      task.dkey = task.dquery + hidden;
      task.dvalue = task.dkey + hidden;
      isa().attention.forward(&task, bertwright::scratchFloats(bertwright::Scratch::attention, attentionForwardScratch(tokens, tokens, headDim)));
      if (backward != 0) isa().attention.backward(&task, bertwright::scratchFloats(bertwright::Scratch::attention, attentionBackwardScratch(tokens, tokens, headDim)));
    }
  });
  out.insert(out.end(), dqkv.begin(), dqkv.end());
  return out;
}

Job makeAttention(Dice& dice) {
  const size_t tokens = dice.upTo(70), heads = dice.upTo(5), headDim = dice.upTo(40);
  return {"attention of " + std::to_string(tokens) + " tokens, " + std::to_string(heads) + " heads of " + std::to_string(headDim),
          {dice.floats(3 * tokens * heads * headDim), dice.floats(tokens * heads * headDim)}, runAttention, {tokens, heads, headDim, dice.upTo(1, 0)}, {}};
}

Floats runReduction(const Job& job) {
  const size_t cols = job.sizes[1];
  Floats out(cols);
  gemmColumnSums(job.inputs[0].data(), cols, job.sizes[0], cols, out.data(), false);
  Floats softmax(job.sizes[0] * cols);
  parallelFor(job.sizes[0], 3, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) isa().reduce.softmaxRow(job.inputs[0].data() + row * cols, softmax.data() + row * cols, cols);
  });
  out.insert(out.end(), softmax.begin(), softmax.end());
  return out;
}

Job makeReduction(Dice& dice) {
  const size_t rows = dice.upTo(300), cols = dice.upTo(500);
  return {"sums of " + std::to_string(rows) + " x " + std::to_string(cols), {dice.floats(rows * cols)}, runReduction, {rows, cols, 0, 0}, {}};
}

Floats runOptimizer(const Job& job) {
  const size_t count = job.sizes[0];
  Floats p = job.inputs[0], m(count), v(count);
  const AdamWConstants constants = {0.5f, 0.9f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.1f, 1e-8f, 1e-4f};
  for (int step = 0; step < 3; step++) {
    parallelFor(count, 64, [&](size_t begin, size_t end) {
      isa().optimizer.adamw(p.data() + begin, job.inputs[1].data() + begin, m.data() + begin, v.data() + begin, end - begin, &constants);
    });
  }
  return p;
}

Job makeOptimizer(Dice& dice) {
  const size_t count = dice.upTo(5000);
  return {"optimizer of " + std::to_string(count), {dice.floats(count), dice.floats(count)}, runOptimizer, {count, 0, 0, 0}, {}};
}

/** Every range once, whatever the size of the pool becomes meanwhile; one in four throws, and then the call has to. */
void checkPool(Dice& dice) {
  const size_t n = dice.upTo(3000), grain = dice.upTo(40);
  const bool throws = dice.upTo(4) == 1;
  const size_t bad = dice.upTo(n) - 1;
  std::vector<unsigned char> seen(n);
  bool caught = false;
  try {
    parallelFor(n, grain, [&](size_t begin, size_t end) {
      if (begin % grain != 0) fail("a range begins between grains");
      // Nested calls stay on their thread.
      parallelFor(end - begin, 1, [&](size_t from, size_t to) {
        for (size_t i = from; i < to; i++) seen[begin + i]++;
      });
      if (throws && begin <= bad && bad < end) throw std::runtime_error("on purpose");
    });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  if (caught != throws) fail(throws ? "what a task threw was lost" : "an error out of nowhere");
  for (size_t i = 0; i < n && !throws; i++) {
    if (seen[i] != 1) fail("element " + std::to_string(i) + " of " + std::to_string(n) + " was worked on " + std::to_string(seen[i]) + " times");
  }
}

/** One instruction set and precision: results with one thread, then the same jobs from `callers` threads while the pool changes. */
void hammer(Dice& dice, Clock::time_point until, size_t callers) {
  const std::string where = std::string(isa().name) + (matmulBf16() ? " bf16" : "");
  std::vector<Job> jobs;
  std::vector<Floats> expected;
  setThreadCount(1);
  for (auto make : {makeGemm, makeGemm, makeGemm, makeAttention, makeReduction, makeOptimizer}) {
    jobs.push_back(make(dice));
    expected.push_back(jobs.back().run(jobs.back()));
  }
  for (size_t threads = 2; threads <= 8; threads += dice.upTo(3)) {
    setThreadCount(threads);
    for (size_t i = 0; i < jobs.size(); i++) demandSame(jobs[i].run(jobs[i]), expected[i], jobs[i].name + " with " + std::to_string(threads) + " threads on " + where);
  }
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  const uint64_t seed = dice.upTo(1u << 30);
  for (size_t c = 0; c < callers; c++) {
    threads.emplace_back([&, c] {
      Dice own(seed + c);
      for (int round = 0; round < 4 && Clock::now() < until; round++) {
        const size_t i = own.upTo(jobs.size()) - 1;
        demandSame(jobs[i].run(jobs[i]), expected[i], jobs[i].name + " beside other callers on " + where);
        for (int j = 0; j < 8; j++) checkPool(own);
      }
    });
  }
  std::thread resizer([&] {
    Dice own(seed + callers);
    while (!done.load()) {
      setThreadCount(own.upTo(8));
      std::this_thread::sleep_for(std::chrono::microseconds(own.upTo(300)));
    }
  });
  for (std::thread& thread : threads) thread.join();
  done.store(true);
  resizer.join();
}

int misbehave(const std::string& how) {
  if (how == "overflow") {
    Floats* values = new Floats(5);
    isa().broadcast.unary[unaryNeg](values->data(), values->data() + 1, values->size());
    return 0;
  }
  setThreadCount(4);
  size_t counter = 0;
  // Long enough that the workers take part.
  parallelFor(100, 1, [&](size_t begin, size_t end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    counter += end - begin;
  });
  return counter == 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "10";
  if (first == "overflow" || first == "race") return misbehave(first);
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(first.c_str())));
  Dice dice(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  size_t rounds = 0;
  do {
    for (const char* const* name = isaAvailable(); *name != nullptr; name++) {
      isaChoose(*name);
      hammer(dice, until, 3);
      rounds++;
      if (!isaHasBf16(*name)) continue;
      setMatmulBf16(true);
      hammer(dice, until, 2);
      setMatmulBf16(false);
    }
  } while (Clock::now() < until);
  std::printf("driver: %zu rounds\n", rounds);
  return 0;
}
