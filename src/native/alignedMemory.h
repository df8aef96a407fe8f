/** Memory for numbers: aligned to cache lines, large blocks to huge pages, which save the page faults that cost more than many kernels. */
#ifndef BERTWRIGHT_ALIGNED_MEMORY_H
#define BERTWRIGHT_ALIGNED_MEMORY_H

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bertwright {

/** At least `bytes` bytes with undefined contents, to be given to std::free. Throws std::bad_alloc. */
inline void* allocateAligned(size_t bytes) {
  constexpr size_t hugePage = size_t{2} << 20;
  const size_t rounded = (bytes + 63) / 64 * 64;
  void* data = nullptr;
  if (posix_memalign(&data, rounded >= hugePage ? hugePage : 64, rounded) != 0) throw std::bad_alloc();
#if defined(__linux__)
  // Only whole huge pages: the rest would cost memory for nothing. Advice; a refusal changes no result.
  if (rounded >= hugePage) madvise(data, rounded / hugePage * hugePage, MADV_HUGEPAGE);
#endif
  return data;
}

}  // namespace bertwright

#endif
