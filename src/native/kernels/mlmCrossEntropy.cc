/**
 * Cross-entropy of the masked-language-model head over tied embeddings, a block of rows at a time: the logits of a block
 * become their own gradient in place, so that memory holds one block of logits and never all of them.
 */
#include <algorithm>
#include <vector>

#include "../binding.h"
#include "../gemm.h"
#include "../isa.h"
#include "../parallel.h"
#include "../scratch.h"

using bertwright::parallelFor;
using bertwright::Scratch;
using bertwright::scratchFloats;

namespace {

/** Logits held at a time (64 MiB): enough rows that packing the table for each block does not show. */
constexpr size_t logitsAtATime = size_t{1} << 24;

size_t chooseBlockRows(size_t m, size_t vocab) {
  const size_t most = std::max<size_t>(96, logitsAtATime / vocab);
  const size_t blocks = (m + most - 1) / most;
  return (m + blocks - 1) / blocks;
}

}  // namespace

BERTWRIGHT_FUNCTION(mlmCrossEntropy, 12) {
  const size_t m = args.size(8, "m");
  const size_t hidden = args.size(9, "hidden");
  const size_t vocab = args.size(10, "vocab");
  const float scale = static_cast<float>(args.number(11, "scale"));
  if (vocab < 1) args.failRange("vocab must be 1 or more, found 0");
  const float* h = args.f32(0, "h", args.elements({m, hidden}));
  const float* table = args.f32(1, "table", args.elements({vocab, hidden}));
  GemmEpilogue epilogue;
  epilogue.bias = args.f32(2, "bias", vocab);
  const int32_t* labels = args.i32(3, "labels", m);
  float* stats = args.f32(4, "stats", 2);
  float* dh = args.f32OrNull(5, "dh", m * hidden);
  float* dtable = args.f32OrNull(6, "dtable", vocab * hidden);
  float* dbias = args.f32OrNull(7, "dbias", vocab);
  // The pointer of an empty array may be null as well.
  const bool gradient = !args.isNull(5);
  if (gradient == args.isNull(6) || gradient == args.isNull(7)) args.failType("dh, dtable and dbias must be given all or none");
  for (size_t i = 0; i < m; i++) {
    if (labels[i] < 0 || static_cast<size_t>(labels[i]) >= vocab) {
      args.failRange("labels[" + std::to_string(i) + "] must be from 0 to " + std::to_string(vocab - 1) + ", found " + std::to_string(labels[i]));
    }
  }
  if (m == 0) {
    stats[0] = stats[1] = 0.0f;
    if (gradient) {
      std::fill_n(dtable, vocab * hidden, 0.0f);
      std::fill_n(dbias, vocab, 0.0f);
    }
    return nullptr;
  }

  const size_t blockRows = chooseBlockRows(m, vocab);
  float* logits = scratchFloats(Scratch::crossEntropy, blockRows * vocab);
  std::vector<float> losses(m);
  std::vector<int> correct(m);
  for (size_t row = 0; row < m; row += blockRows) {
    const size_t rows = std::min(blockRows, m - row);
    gemm(false, true, rows, vocab, hidden, h + row * hidden, hidden, table, hidden, logits, vocab, false, &epilogue);
    parallelFor(rows, 1 + 8192 / vocab, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; i++) {
        losses[row + i] = isa().gemm.crossEntropyRow(logits + i * vocab, vocab, static_cast<size_t>(labels[row + i]), scale, gradient,
                                                     &correct[row + i]);
      }
    });
    if (!gradient) continue;
    gemm(false, false, rows, hidden, vocab, logits, vocab, table, hidden, dh + row * hidden, hidden, false);
    gemm(true, false, vocab, hidden, rows, logits, vocab, h + row * hidden, hidden, dtable, hidden, row > 0);
    gemmColumnSums(logits, vocab, rows, vocab, dbias, row > 0);
  }

  double sum = 0;
  size_t right = 0;
  for (size_t i = 0; i < m; i++) {
    sum += static_cast<double>(losses[i]);
    right += static_cast<size_t>(correct[i]);
  }
  stats[0] = static_cast<float>(sum * static_cast<double>(scale));
  stats[1] = static_cast<float>(right);
  return nullptr;
}
