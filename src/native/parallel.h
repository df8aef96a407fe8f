/**
 * The thread pool of all kernels. Workers start with the first parallel call, spin for some microseconds after a job and
 * then sleep; they are never joined, so that they cannot hold up the end of the process.
 */
#ifndef BERTWRIGHT_PARALLEL_H
#define BERTWRIGHT_PARALLEL_H

#include <cstddef>

namespace bertwright {

/** Threads that take part in a parallel call, the caller included. */
size_t threadCount();
void setThreadCount(size_t count);

using RangeFunction = void (*)(const void* context, size_t begin, size_t end);

/** See parallelFor. */
void parallelRanges(size_t n, size_t grain, RangeFunction function, const void* context);

/**
 * Calls fn(begin, end) for ranges that together cover [0, n) once, on several threads; returns when all are done.
 * Each `begin` is a multiple of `grain`; which ranges there are depends on the thread count. A result that must not
 * depend on it (any sum across elements) has to be cut into blocks of a fixed size, with parallelFor over the blocks.
 * Small work (n <= grain), a call from inside another parallelFor, and a call while another JavaScript thread
 * holds the pool run on the calling thread. What fn throws on any thread (std::bad_alloc of scratch.h) is thrown here,
 * once no thread is in fn any more.
 */
template <typename Function>
void parallelFor(size_t n, size_t grain, const Function& fn) {
  parallelRanges(
      n, grain, [](const void* context, size_t begin, size_t end) { (*static_cast<const Function*>(context))(begin, end); },
      &fn);
}

}  // namespace bertwright

#endif
