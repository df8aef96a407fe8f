#include "scratch.h"

#include <cstdlib>

#include "alignedMemory.h"

namespace bertwright {
namespace {

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
    blocks.memory[index] = allocateAligned(rounded);
    blocks.capacity[index] = rounded;
  }
  return blocks.memory[index];
}

}  // namespace bertwright
