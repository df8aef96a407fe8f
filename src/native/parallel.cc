#include "parallel.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "scratch.h"
#include "spin.h"

namespace bertwright {
namespace {

constexpr auto spinTime = std::chrono::microseconds(40);
constexpr size_t maximumThreads = 256;

/**
 * One job at a time. `state_` holds the job's generation, whether it is open, and how many workers are in it. A worker
 * joins by counting itself in while the job is open; the caller works too, closes the job when no range is left and
 * waits only for the workers that joined. A worker that the system did not schedule in time is not waited for.
 */
class Pool {
 public:
  size_t threads() const { return limit_.load(std::memory_order_relaxed); }

  void setThreads(size_t count) { limit_.store(std::clamp<size_t>(count, 1, maximumThreads), std::memory_order_relaxed); }

  void run(size_t n, size_t grain, RangeFunction function, const void* context) {
    const size_t wanted = std::min(threads(), (n + grain - 1) / grain);
    std::unique_lock<std::mutex> caller(callers_, std::defer_lock);
    if (wanted <= 1 || insideJob_ || !caller.try_lock()) {
      function(context, 0, n);
      return;
    }
    startWorkers(wanted - 1);

    // Several ranges a thread, so that one delayed by other processes does not delay the end.
    const size_t even = (n + wanted * 4 - 1) / (wanted * 4);
    chunk_ = (even + grain - 1) / grain * grain;
    size_ = n;
    function_ = function;
    context_ = context;
    helpers_ = wanted - 1;
    next_.store(0, std::memory_order_relaxed);
    state_.store(((state_.load(std::memory_order_relaxed) >> generationShift) + 1) << generationShift | openBit,
                 std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) > 0) {
      std::lock_guard<std::mutex> lock(sleepMutex_);
      wake_.notify_all();
    }

    work();
    state_.fetch_and(~openBit, std::memory_order_acq_rel);
    spinUntil([&] { return (state_.load(std::memory_order_acquire) & workersMask) == 0; });
    if (failed_.exchange(false, std::memory_order_relaxed)) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  static constexpr uint64_t workersMask = 0xffff;
  static constexpr uint64_t openBit = 0x10000;
  static constexpr int generationShift = 17;

  /** Takes ranges until none is left. The first failure of all threads is kept for `run`: here it would end the process. */
  void work() {
    insideJob_ = true;
    try {
      for (;;) {
        const size_t begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
        if (begin >= size_) break;
        function_(context_, begin, std::min(size_, begin + chunk_));
      }
    } catch (...) {
      if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
    }
    insideJob_ = false;
  }

  void startWorkers(size_t count) {
    if (started_ == 0 && count > 0) pinLibrary();
    while (started_ < count) {
      const size_t index = started_;
      try {
        std::thread([this, index] { workerLoop(index); }).detach();
      } catch (...) {
        // The system refuses further threads: the caller and those at work do it all.
        return;
      }
      started_++;
    }
  }

  /** A worker thread of Node.js that ends unloads its addons; code that detached threads run has to stay. */
  static void pinLibrary() {
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&parallelRanges), &info) != 0 && info.dli_fname != nullptr) {
      dlopen(info.dli_fname, RTLD_LAZY | RTLD_NODELETE);
    }
  }

  /** Joins the open job unless this worker was in it already or it has helpers enough. */
  bool join(size_t index, uint64_t& lastGeneration) {
    uint64_t state = state_.load(std::memory_order_seq_cst);
    for (;;) {
      const uint64_t generation = state >> generationShift;
      if ((state & openBit) == 0 || generation == lastGeneration) return false;
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
        lastGeneration = generation;
        // Only now the job's fields are certain not to change.
        if (index < helpers_) work();
        state_.fetch_sub(1, std::memory_order_release);
        return true;
      }
    }
  }

  bool jobWaits(uint64_t lastGeneration) const {
    const uint64_t state = state_.load(std::memory_order_seq_cst);
    return (state & openBit) != 0 && state >> generationShift != lastGeneration;
  }

  void workerLoop(size_t index) {
    // The thread's own variables are made now: later, glibc would end the process where it finds no memory for them.
    try {
      scratchBytes(Scratch::reduce, 64);
    } catch (...) {
      return;
    }
    uint64_t lastGeneration = 0;
    for (;;) {
      auto until = std::chrono::steady_clock::now() + spinTime;
      for (size_t spins = 1;; spins++) {
        if (join(index, lastGeneration)) {
          until = std::chrono::steady_clock::now() + spinTime;
        } else if (spins % 64 == 0 && std::chrono::steady_clock::now() > until) {
          break;
        } else {
          pause();
        }
      }
      std::unique_lock<std::mutex> lock(sleepMutex_);
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      wake_.wait(lock, [&] { return jobWaits(lastGeneration); });
      sleeping_.fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  std::atomic<size_t> limit_{std::clamp<size_t>(std::thread::hardware_concurrency(), 1, maximumThreads)};
  std::mutex callers_;
  size_t started_ = 0;

  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<size_t> next_{0};
  size_t size_ = 0;
  size_t chunk_ = 1;
  size_t helpers_ = 0;
  RangeFunction function_ = nullptr;
  const void* context_ = nullptr;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;

  alignas(64) std::atomic<size_t> sleeping_{0};
  std::mutex sleepMutex_;
  std::condition_variable wake_;

  static thread_local bool insideJob_;
};

thread_local bool Pool::insideJob_ = false;

/** On the heap and never freed: detached workers may still look at it while the process ends. */
Pool& pool() {
  static Pool* const instance = new Pool();
  return *instance;
}

}  // namespace

size_t threadCount() { return pool().threads(); }

void setThreadCount(size_t count) { pool().setThreads(count); }

void parallelRanges(size_t n, size_t grain, RangeFunction function, const void* context) {
  if (n == 0) return;
  if (grain == 0) grain = 1;
  pool().run(n, grain, function, context);
}

}  // namespace bertwright
