/** Attention over packed sequences: one task for each sequence and head. */
#include "../binding.h"
#include "../dropoutGenerator.h"
#include "../isa.h"
#include "../parallel.h"
#include "../scratch.h"

#include <algorithm>
#include <atomic>

using bertwright::Args;
using bertwright::parallelFor;
using bertwright::Scratch;
using bertwright::threadCount;

namespace {

/** So many portions of the work there are for a thread: the last ones even out who was slower. */
constexpr size_t tasksPerThread = 16;

struct Problem {
  size_t tokens, heads, headDim, hidden, sequences;
  const int32_t* cuSeqlens;
  double dropRate;
  uint32_t dropKey;
  /** Asked once, so that all tasks of a call compute alike. */
  bool bf16;
};

/** Reads cuSeqlens at `cuIndex` and the five numbers that start at `sizeIndex`, and checks them. */
Problem readProblem(const Args& args, size_t cuIndex, size_t sizeIndex) {
  Problem p;
  p.tokens = args.size(sizeIndex, "tokens");
  p.heads = args.size(sizeIndex + 1, "heads");
  p.headDim = args.size(sizeIndex + 2, "headDim");
  p.dropRate = args.number(sizeIndex + 3, "dropRate");
  p.dropKey = args.uint32(sizeIndex + 4, "dropKey");
  p.bf16 = matmulBf16();
  if (p.heads < 1) args.failRange("heads must be 1 or more, found 0");
  if (p.headDim < 1) args.failRange("headDim must be 1 or more, found 0");
  if (!(p.dropRate >= 0 && p.dropRate < 1)) args.failRange("dropRate must be in [0, 1), found " + std::to_string(p.dropRate));
  p.hidden = args.elements({p.heads, p.headDim});
  const size_t entries = args.length(cuIndex);
  p.cuSeqlens = args.i32(cuIndex, "cuSeqlens", 1);
  p.sequences = entries - 1;
  if (p.cuSeqlens[0] != 0) args.failRange("cuSeqlens[0] must be 0, found " + std::to_string(p.cuSeqlens[0]));
  for (size_t b = 0; b < p.sequences; b++) {
    if (p.cuSeqlens[b + 1] < p.cuSeqlens[b]) {
      args.failRange("cuSeqlens must not fall, found " + std::to_string(p.cuSeqlens[b + 1]) + " after " + std::to_string(p.cuSeqlens[b]));
    }
  }
  if (static_cast<size_t>(p.cuSeqlens[p.sequences]) != p.tokens) {
    args.failRange("cuSeqlens must end at tokens = " + std::to_string(p.tokens) + ", found " + std::to_string(p.cuSeqlens[p.sequences]));
  }
  return p;
}

AttentionTask makeTask(const Problem& p, size_t index, const float* qkv, float* out, float* lse) {
  const size_t token = static_cast<size_t>(p.cuSeqlens[index / p.heads]);
  const size_t head = index % p.heads;
  AttentionTask task = {};
  task.length = static_cast<size_t>(p.cuSeqlens[index / p.heads + 1]) - token;
  task.headDim = p.headDim;
  task.qkvStride = 3 * p.hidden;
  task.query = qkv + token * task.qkvStride + head * p.headDim;
  task.key = task.query + p.hidden;
  task.value = task.key + p.hidden;
  task.out = out + token * p.hidden + head * p.headDim;
  task.outStride = p.hidden;
  task.lse = lse + token * p.heads + head;
  task.lseStride = p.heads;
  task.dropKey = p.dropKey;
  task.firstRow = static_cast<uint32_t>(token * p.heads + head);
  task.rowStep = static_cast<uint32_t>(p.heads);
  task.threshold = dropThreshold(p.dropRate);
  task.dropScale = dropScale(p.dropRate);
  task.bf16 = p.bf16;
  return task;
}

/**
 * Computes all tasks, `make(index)`, each thread taking the next few whenever it is done with some: sequences differ in length.
 * `scratch(length)` floats and the task go to `kernel`.
 */
template <typename Make>
void computeTasks(const Problem& p, void (*kernel)(const AttentionTask*, float*), size_t (*scratch)(size_t, size_t), const Make& make) {
  const size_t tasks = p.sequences * p.heads, threads = threadCount();
  const size_t few = std::max<size_t>(1, tasks / (threads * tasksPerThread));
  std::atomic<size_t> taken{0};
  parallelFor(threads, 1, [&](size_t, size_t) {
    for (;;) {
      const size_t begin = taken.fetch_add(few, std::memory_order_relaxed), end = std::min(tasks, begin + few);
      if (begin >= tasks) return;
      for (size_t index = begin; index < end; index++) {
        const AttentionTask task = make(index);
        if (task.length > 0) kernel(&task, bertwright::scratchFloats(Scratch::attention, scratch(task.length, p.headDim)));
      }
    }
  });
}

}  // namespace

BERTWRIGHT_FUNCTION(attentionForward, 9) {
  const Problem p = readProblem(args, 1, 4);
  const float* qkv = args.f32(0, "qkv", args.elements({p.tokens, 3, p.hidden}));
  float* out = args.f32(2, "out", args.elements({p.tokens, p.hidden}));
  float* lse = args.f32(3, "lse", args.elements({p.tokens, p.heads}));
  computeTasks(p, isa().attention.forward, attentionForwardScratch, [&](size_t index) { return makeTask(p, index, qkv, out, lse); });
  return nullptr;
}

BERTWRIGHT_FUNCTION(attentionBackward, 11) {
  const Problem p = readProblem(args, 4, 6);
  const size_t width = args.elements({p.tokens, p.hidden});
  const float* dout = args.f32(0, "dout", width);
  const float* qkv = args.f32(1, "qkv", args.elements({p.tokens, 3, p.hidden}));
  float* out = args.f32(2, "out", width);
  float* lse = args.f32(3, "lse", args.elements({p.tokens, p.heads}));
  float* dqkv = args.f32(5, "dqkv", args.elements({p.tokens, 3, p.hidden}));
  computeTasks(p, isa().attention.backward, attentionBackwardScratch, [&](size_t index) {
    AttentionTask task = makeTask(p, index, qkv, out, lse);
    task.dout = dout + (task.out - out);
    task.dquery = dqkv + (task.query - qkv);
    task.dkey = task.dquery + p.hidden;
    task.dvalue = task.dkey + p.hidden;
    return task;
  });
  return nullptr;
}
