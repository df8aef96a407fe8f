/** Attention over packed sequences: one task for each sequence and head. */
#include "../binding.h"
#include "../dropoutGenerator.h"
#include "../isa.h"
#include "../parallel.h"
#include "../scratch.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

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

/** What the arrays of a call have in common: a sequence's tokens, its queries, and the layout of both. */
struct Layout {
  const float* query;
  const float* keyValue;
  size_t queryStride, keyValueStride;
  /** Token of each query, in ascending order, where not every token is one. */
  const int32_t* rows;
  /** Where the queries of each sequence start, and their number at the end; empty where every token is one. */
  std::vector<size_t> cuQueries;

  // Not by `rows`: the pointer of an empty array may be null.
  bool everyToken() const { return cuQueries.empty(); }
  size_t firstQuery(const Problem& p, size_t sequence) const { return everyToken() ? static_cast<size_t>(p.cuSeqlens[sequence]) : cuQueries[sequence]; }
};

Layout packedLayout(const Problem& p, const float* qkv) { return {qkv, qkv + p.hidden, 3 * p.hidden, 3 * p.hidden, nullptr, {}}; }

/** Reads the arrays query [R, H], keyValue [T, 2H] and rows [R] at three indices, and checks them. */
Layout readRowLayout(const Args& args, const Problem& p, size_t queryIndex, size_t rowsIndex) {
  const size_t count = args.length(rowsIndex);
  Layout layout{args.f32(queryIndex, "query", args.elements({count, p.hidden})), args.f32(queryIndex + 1, "keyValue", args.elements({p.tokens, 2, p.hidden})),
                p.hidden, 2 * p.hidden, args.i32(rowsIndex, "rows", count), {}};
  for (size_t i = 0; i < count; i++) {
    const int32_t least = i == 0 ? 0 : layout.rows[i - 1] + 1;
    if (layout.rows[i] < least || static_cast<size_t>(layout.rows[i]) >= p.tokens) {
      args.failRange("rows[" + std::to_string(i) + "] = " + std::to_string(layout.rows[i]) + " must be one of the " + std::to_string(p.tokens) +
                     " tokens and above the row before it");
    }
  }
  for (size_t b = 0, i = 0; b <= p.sequences; b++) {
    while (i < count && layout.rows[i] < p.cuSeqlens[b]) i++;
    layout.cuQueries.push_back(i);
  }
  return layout;
}

AttentionTask makeTask(const Problem& p, const Layout& layout, size_t index, float* out, float* lse) {
  const size_t sequence = index / p.heads, head = index % p.heads;
  const size_t token = static_cast<size_t>(p.cuSeqlens[sequence]), query = layout.firstQuery(p, sequence);
  AttentionTask task = {};
  task.length = static_cast<size_t>(p.cuSeqlens[sequence + 1]) - token;
  task.queries = layout.firstQuery(p, sequence + 1) - query;
  task.headDim = p.headDim;
  task.queryStride = layout.queryStride;
  task.keyValueStride = layout.keyValueStride;
  task.query = layout.query + query * layout.queryStride + head * p.headDim;
  task.key = layout.keyValue + token * layout.keyValueStride + head * p.headDim;
  task.value = task.key + p.hidden;
  task.out = out + query * p.hidden + head * p.headDim;
  task.outStride = p.hidden;
  task.lse = lse + query * p.heads + head;
  task.lseStride = p.heads;
  task.dropKey = p.dropKey;
  task.queryTokens = layout.everyToken() ? nullptr : layout.rows + query;
  task.firstRow = static_cast<uint32_t>((layout.everyToken() ? token * p.heads : 0) + head);
  task.rowStep = static_cast<uint32_t>(p.heads);
  task.threshold = dropThreshold(p.dropRate);
  task.dropScale = dropScale(p.dropRate);
  task.bf16 = p.bf16;
  return task;
}

/**
 * Computes all tasks, `make(index)`, each thread taking the next few whenever it is done with some: sequences differ in length.
 * `scratch(length, queries, headDim)` floats and the task go to `kernel`.
 */
template <typename Make>
void computeTasks(const Problem& p, void (*kernel)(const AttentionTask*, float*), size_t (*scratch)(size_t, size_t, size_t), const Make& make) {
  const size_t tasks = p.sequences * p.heads, threads = threadCount();
  const size_t few = std::max<size_t>(1, tasks / (threads * tasksPerThread));
  std::atomic<size_t> taken{0};
  parallelFor(threads, 1, [&](size_t, size_t) {
    for (;;) {
      const size_t begin = taken.fetch_add(few, std::memory_order_relaxed), end = std::min(tasks, begin + few);
      if (begin >= tasks) return;
      for (size_t index = begin; index < end; index++) {
        const AttentionTask task = make(index);
        if (task.length > 0) kernel(&task, bertwright::scratchFloats(Scratch::attention, scratch(task.length, task.queries, p.headDim)));
      }
    }
  });
}

void computeForward(const Problem& p, const Layout& layout, float* out, float* lse) {
  computeTasks(p, isa().attention.forward, attentionForwardScratch, [&](size_t index) { return makeTask(p, layout, index, out, lse); });
}

/** dquery and dkeyValue are laid out as query and keyValue. */
void computeBackward(const Problem& p, const Layout& layout, const float* dout, float* out, float* lse, float* dquery, float* dkeyValue) {
  computeTasks(p, isa().attention.backward, attentionBackwardScratch, [&](size_t index) {
    AttentionTask task = makeTask(p, layout, index, out, lse);
    task.dout = dout + (task.out - out);
    task.dquery = dquery + (task.query - layout.query);
    task.dkey = dkeyValue + (task.key - layout.keyValue);
    task.dvalue = task.dkey + p.hidden;
    return task;
  });
}

}  // namespace

BERTWRIGHT_FUNCTION(attentionForward, 9) {
  const Problem p = readProblem(args, 1, 4);
  const float* qkv = args.f32(0, "qkv", args.elements({p.tokens, 3, p.hidden}));
  float* out = args.f32(2, "out", args.elements({p.tokens, p.hidden}));
  float* lse = args.f32(3, "lse", args.elements({p.tokens, p.heads}));
  computeForward(p, packedLayout(p, qkv), out, lse);
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
  computeBackward(p, packedLayout(p, qkv), dout, out, lse, dqkv, dqkv + p.hidden);
  return nullptr;
}

BERTWRIGHT_FUNCTION(attentionRowsForward, 11) {
  const Problem p = readProblem(args, 3, 6);
  const Layout layout = readRowLayout(args, p, 0, 2);
  const size_t count = args.length(2);
  float* out = args.f32(4, "out", args.elements({count, p.hidden}));
  float* lse = args.f32(5, "lse", args.elements({count, p.heads}));
  computeForward(p, layout, out, lse);
  return nullptr;
}

BERTWRIGHT_FUNCTION(attentionRowsBackward, 14) {
  const Problem p = readProblem(args, 6, 9);
  const Layout layout = readRowLayout(args, p, 1, 3);
  const size_t width = args.elements({args.length(3), p.hidden});
  const float* dout = args.f32(0, "dout", width);
  float* out = args.f32(4, "out", width);
  float* lse = args.f32(5, "lse", args.elements({args.length(3), p.heads}));
  float* dquery = args.f32(7, "dquery", width);
  float* dkeyValue = args.f32(8, "dkeyValue", args.elements({p.tokens, 2, p.hidden}));
  computeBackward(p, layout, dout, out, lse, dquery, dkeyValue);
  return nullptr;
}
