/** Buffers for tensors: aligned to cache lines, large ones to huge pages, contents undefined. */
#include <cmath>
#include <cstdlib>

#include "../alignedMemory.h"
#include "../binding.h"

namespace {

void release(napi_env, void* data, void*) { std::free(data); }

}  // namespace

/** allocateBuffer(bytes): an ArrayBuffer, or null where this runtime allows no external memory. */
BERTWRIGHT_FUNCTION(allocateBuffer, 1) {
  const double asked = args.number(0, "bytes");
  if (!(asked >= 1 && asked <= 281474976710656.0 && std::floor(asked) == asked)) args.failRange("bytes must be an integer from 1 to 2^48, found " + std::to_string(asked));
  void* data = bertwright::allocateAligned(static_cast<size_t>(asked));
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(args.env(), data, static_cast<size_t>(asked), release, nullptr, &buffer) != napi_ok) {
    std::free(data);
    napi_get_null(args.env(), &buffer);
  }
  return buffer;
}
