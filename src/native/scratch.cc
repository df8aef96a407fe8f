#include "scratch.h"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bertwright {
namespace {

constexpr size_t hugePage = size_t{2} << 20;

struct Blocks {
  void* memory[static_cast<size_t>(Scratch::count)] = {};
  size_t capacity[static_cast<size_t>(Scratch::count)] = {};

  ~Blocks() {
    for (void* block : memory) std::free(block);
  }
};

thread_local Blocks blocks;

}  // namespace

void* scratchBytes(Scratch slot, size_t bytes) {
  const size_t index = static_cast<size_t>(slot);
  if (bytes > blocks.capacity[index]) {
    std::free(blocks.memory[index]);
    blocks.memory[index] = nullptr;
    blocks.capacity[index] = 0;
    // An eighth more than asked for, so that slowly growing sizes do not allocate each time.
    const size_t rounded = (bytes + bytes / 8 + 63) / 64 * 64;
    if (posix_memalign(&blocks.memory[index], rounded >= hugePage ? hugePage : 64, rounded) != 0) throw std::bad_alloc();
#if defined(__linux__)
    // Advice; a refusal changes no result.
    if (rounded >= hugePage) madvise(blocks.memory[index], rounded / hugePage * hugePage, MADV_HUGEPAGE);
#endif
    blocks.capacity[index] = rounded;
  }
  return blocks.memory[index];
}

}  // namespace bertwright
