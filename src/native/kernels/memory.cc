/** Buffers for tensors: aligned to cache lines, large ones to huge pages, contents undefined. */
#include "../binding.h"

#include <cmath>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

constexpr size_t hugePage = size_t{2} << 20;

void release(napi_env, void* data, void*) { std::free(data); }

}  // namespace

/** allocateBuffer(bytes): an ArrayBuffer, or null where this runtime allows no external memory. */
BERTWRIGHT_FUNCTION(allocateBuffer, 1) {
  const double asked = args.number(0, "bytes");
  if (!(asked >= 1 && asked <= 281474976710656.0 && std::floor(asked) == asked)) args.failRange("bytes must be an integer from 1 to 2^48, found " + std::to_string(asked));
  const size_t bytes = (static_cast<size_t>(asked) + 63) / 64 * 64;
  const size_t alignment = bytes >= hugePage ? hugePage : 64;
  void* data = nullptr;
  if (posix_memalign(&data, alignment, bytes) != 0) throw std::bad_alloc();
#if defined(__linux__)
  // Only whole huge pages: the rest would cost memory for nothing. Advice; a refusal changes no result.
  if (bytes >= hugePage) madvise(data, bytes / hugePage * hugePage, MADV_HUGEPAGE);
#endif
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(args.env(), data, static_cast<size_t>(asked), release, nullptr, &buffer) != napi_ok) {
    std::free(data);
    napi_get_null(args.env(), &buffer);
  }
  return buffer;
}
