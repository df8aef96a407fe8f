/**
 * One matrix product on all threads, without barriers. Blocks of B that all threads share are packed ahead, two at a time
 * in memory, and the tasks "pack some columns of B" and "multiply some rows of A by the block" are handed out in one
 * order in which a task depends on earlier ones only. Each thread claims its next task before it works on the present
 * one and asks for that task's operands between the tiles, so that packing finds them in the second-level cache.
 */
#include <atomic>
#include <new>

#include "gemmPlan.h"
#include "parallel.h"
#include "scratch.h"
#include "spin.h"

namespace bertwright {
namespace {

/** Words of B packed at a time by all threads together (4 MiB). */
constexpr size_t sharedWords = size_t{1} << 20;
/**
 * Rows of A in a task, a multiple of the tile's rows, by the shape alone: column sums are cut by it. Each task streams the
 * whole block of B, so more rows spare the caches that cores share; but a dozen tasks are to be left.
 */
size_t rowsPerTaskOf(const GemmTile& tile, size_t m) {
  size_t rows = tile.taskRows;
  while (rows > 48 && m < 12 * rows) rows /= 2;
  return roundUp(rows, tile.rows);
}

/** Panels of B in a packing task. */
constexpr size_t panelsPerPack = 4;

/** Waits for tasks of other threads. */
void waitUntil(const std::atomic<size_t>& counter, size_t wanted) {
  spinUntil([&] { return counter.load(std::memory_order_acquire) >= wanted; });
}

/** Rows of memory that the next task will read, asked for a few at a time. */
class Prefetch {
 public:
  void aim(const GemmOperand& operand, size_t line, size_t lines, size_t k, size_t kPart) {
    row_ = reinterpret_cast<const char*>(operand.at(line, k));
    stride_ = operand.stride * sizeof(float);
    rows_ = operand.alongK ? lines : kPart;
    bytes_ = (operand.alongK ? kPart : lines) * sizeof(float);
  }

  void clear() { rows_ = 0; }

  /** Rows to ask for at each of `times` occasions. */
  size_t share(size_t times) const { return divideUp(rows_, times); }

  void advance(size_t rows) {
    for (size_t i = std::min(rows, rows_); i > 0; i--, rows_--, row_ += stride_) {
      for (size_t offset = 0; offset < bytes_; offset += 64) __builtin_prefetch(row_ + offset, 0, 2);
    }
  }

 private:
  const char* row_ = nullptr;
  size_t stride_ = 0, rows_ = 0, bytes_ = 0;
};

/** A block of B: columns from `col`, elements of k from `k`. */
struct Stage {
  size_t col, cols, k, kPart, words;
  size_t packs, groups, products;
};

struct Task {
  size_t stage;
  /** Whether it packs B; `index` counts the stage's tasks of its kind. */
  bool pack;
  size_t index;
};

class SharedProduct {
 public:
  explicit SharedProduct(const GemmProblem& problem)
      : p_(problem), tile_(gemmTile()), kBlock_(gemmBlockK(tile_, p_.k)), nBlock_(gemmBlockN(tile_, p_.n, kBlock_, sharedWords)),
        kBlocks_(divideUp(p_.k, kBlock_)), stages_(divideUp(p_.n, nBlock_) * kBlocks_), rowsPerTask_(rowsPerTaskOf(tile_, p_.m)), rowTasks_(divideUp(p_.m, rowsPerTask_)),
        bufferWords_(nBlock_ * kBlock_ / tile_.wordElements) {
    // Few rows are cut into groups of columns as well, so that every thread finds several tasks; but each group packs A anew.
    const size_t wanted = 6 * threadCount();
    const size_t groups = rowTasks_ >= wanted ? 1 : divideUp(wanted, rowTasks_);
    groupCols_ = std::max(roundUp(divideUp(nBlock_, groups), tile_.cols), std::min<size_t>(nBlock_, 128));
    packedB_ = scratchFloats(Scratch::gemmB, std::min<size_t>(stages_, 2) * bufferWords_);
    const size_t counters = 2 * stages_ + rowTasks_ * divideUp(nBlock_, groupCols_);
    counters_ = static_cast<std::atomic<size_t>*>(scratchBytes(Scratch::gemmCounters, counters * sizeof(std::atomic<size_t>)));
    for (size_t i = 0; i < counters; i++) new (&counters_[i]) std::atomic<size_t>(0);
    total_ = stageAt(0).packs;
    for (size_t s = 0; s < stages_; s++) total_ += groupSize(s);
  }

  void run() {
    parallelFor(std::min(total_, threadCount()), 1, [this](size_t, size_t) { work(); });
  }

 private:
  Stage stageAt(size_t s) const {
    Stage stage{};
    stage.col = s / kBlocks_ * nBlock_;
    stage.cols = std::min(nBlock_, p_.n - stage.col);
    stage.k = s % kBlocks_ * kBlock_;
    stage.kPart = std::min(kBlock_, p_.k - stage.k);
    stage.words = gemmWords(tile_, stage.kPart);
    stage.packs = divideUp(stage.cols, panelsPerPack * tile_.cols);
    stage.groups = divideUp(stage.cols, groupCols_);
    stage.products = rowTasks_ * stage.groups;
    return stage;
  }

  /** Tasks of a group: the products of a stage with the packing of the next among them. */
  size_t groupSize(size_t s) const { return stageAt(s).products + (s + 1 < stages_ ? stageAt(s + 1).packs : 0); }

  std::atomic<size_t>& packsDone(size_t s) { return counters_[s]; }
  std::atomic<size_t>& productsDone(size_t s) { return counters_[stages_ + s]; }
  /** Stages whose product number `part` is done; they end in order, but for the first k of a block of columns, which waits for nothing. */
  std::atomic<size_t>& partStages(size_t part) { return counters_[2 * stages_ + part]; }

  /** The group that a thread's last task was of, and the number of its first task; numbers only grow. */
  struct Position {
    size_t group = 0, begin = 0;
  };

  bool claim(Position& at, Task& task) {
    size_t number = next_.fetch_add(1, std::memory_order_relaxed);
    if (number >= total_) return false;
    const size_t first = stageAt(0).packs;
    if (number < first) {
      task = {0, true, number};
      return true;
    }
    number -= first;
    size_t size = groupSize(at.group);
    for (; number - at.begin >= size; size = groupSize(at.group)) {
      at.begin += size;
      at.group++;
    }
    // Packing is spread evenly among the products.
    const size_t i = number - at.begin;
    const size_t packs = size - stageAt(at.group).products;
    const size_t packsBefore = i * packs / size;
    const bool pack = (i + 1) * packs / size > packsBefore;
    task = {at.group + (pack ? 1 : 0), pack, pack ? packsBefore : i - packsBefore};
    return true;
  }

  size_t packCols() const { return panelsPerPack * tile_.cols; }

  void work() {
    float* packedA = scratchFloats(Scratch::gemmA, rowsPerTask_ * (kBlock_ / tile_.wordElements) + packSlack);
    Position position;
    Prefetch prefetch;
    Task task{}, following{};
    // The block of A that is packed, by stage and rows.
    size_t packedStage = stages_, packedRows = 0;
    for (bool more = claim(position, task); more; task = following) {
      more = claim(position, following);
      prefetch.clear();
      if (task.pack) {
        pack(task);
        continue;
      }
      const Stage stage = stageAt(task.stage);
      const size_t rowTask = task.index / stage.groups;
      if (more && tile_.enter == nullptr) aim(prefetch, following, rowTask);
      if (task.stage != packedStage || rowTask != packedRows) {
        const size_t row = rowTask * rowsPerTask_;
        gemmPackA(p_, tile_, row, std::min(rowsPerTask_, p_.m - row), stage.k, stage.kPart, packedA);
        packedStage = task.stage;
        packedRows = rowTask;
      }
      multiply(stage, task, packedA, prefetch);
    }
  }

  /** Points at what `task` packs; a thread whose next task is of the same rows has them packed. */
  void aim(Prefetch& prefetch, const Task& task, size_t rowTaskNow) const {
    const Stage stage = stageAt(task.stage);
    if (task.pack) {
      const size_t col = task.index * packCols();
      prefetch.aim(p_.b, stage.col + col, std::min(packCols(), stage.cols - col), stage.k, stage.kPart);
    } else if (task.index / stage.groups != rowTaskNow) {
      const size_t row = task.index / stage.groups * rowsPerTask_;
      prefetch.aim(p_.a, row, std::min(rowsPerTask_, p_.m - row), stage.k, stage.kPart);
    }
  }

  float* bufferOf(size_t stage) const { return packedB_ + stage % 2 * bufferWords_; }

  void pack(const Task& task) {
    // The buffer's last readers were the products of two stages ago.
    if (task.stage >= 2) waitUntil(productsDone(task.stage - 2), stageAt(task.stage - 2).products);
    const Stage stage = stageAt(task.stage);
    const size_t col = task.index * packCols();
    gemmPackB(p_, tile_, stage.col + col, std::min(packCols(), stage.cols - col), stage.k, stage.kPart, bufferOf(task.stage) + col * stage.words);
    packsDone(task.stage).fetch_add(1, std::memory_order_release);
  }

  void multiply(const Stage& stage, const Task& task, const float* packedA, Prefetch& prefetch) {
    waitUntil(packsDone(task.stage), stage.packs);
    // Parts of C count their stages, so that sums over k are added in order whoever is faster.
    std::atomic<size_t>& part = partStages(task.index);
    if (stage.k > 0) waitUntil(part, task.stage);
    const size_t row = task.index / stage.groups * rowsPerTask_;
    const size_t rows = std::min(rowsPerTask_, p_.m - row);
    const size_t begin = task.index % stage.groups * groupCols_;
    const size_t cols = std::min(groupCols_, stage.cols - begin);
    const size_t tiles = divideUp(rows, tile_.rows) * divideUp(cols, tile_.cols);
    const size_t share = prefetch.share(tiles);
    gemmMultiplyBlocks(p_, tile_, row, stage.col + begin, rows, cols, stage.words, packedA, bufferOf(task.stage) + begin * stage.words,
                       p_.accumulate || stage.k > 0, stage.k + stage.kPart == p_.k, [&] { prefetch.advance(share); });
    if (p_.partialSums != nullptr && stage.k + stage.kPart == p_.k) {
      const size_t col = stage.col + begin;
      isa().gemm.columnSums(p_.c + row * p_.ldc + col, p_.ldc, rows, cols, p_.partialSums + row / rowsPerTask_ * p_.n + col, 0);
    }
    // Counted up and never set: a thread held up here must not take back what others did in the next block of columns.
    part.fetch_add(1, std::memory_order_release);
    productsDone(task.stage).fetch_add(1, std::memory_order_release);
  }

  const GemmProblem& p_;
  const GemmTile& tile_;
  size_t kBlock_, nBlock_, kBlocks_, stages_, rowsPerTask_, rowTasks_, bufferWords_;
  size_t groupCols_ = 0, total_ = 0;
  float* packedB_ = nullptr;
  std::atomic<size_t>* counters_ = nullptr;
  alignas(64) std::atomic<size_t> next_{0};
};

}  // namespace

void gemmShared(const GemmProblem& p) {
  if (p.epilogue == nullptr || p.epilogue->columnSums == nullptr) return SharedProduct(p).run();
  GemmProblem withSums = p;
  const size_t tasks = divideUp(p.m, rowsPerTaskOf(gemmTile(), p.m));
  withSums.partialSums = scratchFloats(Scratch::gemmSums, tasks * p.n);
  SharedProduct(withSums).run();
  gemmColumnSums(withSums.partialSums, p.n, tasks, p.n, p.epilogue->columnSums, false);
}

}  // namespace bertwright
