/** Detects the processor once and holds the instruction set in use. */
#include "isa.h"

#include <atomic>
#include <cstring>

const IsaKernels* isaPortable();
#if defined(BERTWRIGHT_X86)
const IsaKernels* isaAvx2();
const IsaKernels* isaAvx512();
#if defined(BERTWRIGHT_HAVE_AVX512BF16)
const IsaKernels* isaAvx512Bf16();
#endif
#endif

namespace {

struct Detected {
  const IsaKernels* kernels[4];
  const char* names[5];

  Detected() : kernels{}, names{} {
    size_t count = 0;
#if defined(BERTWRIGHT_X86)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#if defined(BERTWRIGHT_HAVE_AVX512BF16)
    if (avx512 && __builtin_cpu_supports("avx512bf16")) kernels[count++] = isaAvx512Bf16();
#endif
    if (avx512) kernels[count++] = isaAvx512();
    if (avx2) kernels[count++] = isaAvx2();
#endif
    kernels[count++] = isaPortable();
    for (size_t i = 0; i < count; i++) names[i] = kernels[i]->name;
  }
};

const Detected& detected() {
  static const Detected value;
  return value;
}

std::atomic<const IsaKernels*> chosen{nullptr};
std::atomic<bool> bf16Wanted{false};

}  // namespace

const IsaKernels& isa() {
  const IsaKernels* kernels = chosen.load(std::memory_order_acquire);
  if (kernels == nullptr) {
    kernels = detected().kernels[0];
    chosen.store(kernels, std::memory_order_release);
  }
  return *kernels;
}

const char* const* isaAvailable() { return detected().names; }

bool isaChoose(const char* name) {
  for (size_t i = 0; detected().names[i] != nullptr; i++) {
    if (std::strcmp(detected().names[i], name) == 0) {
      chosen.store(detected().kernels[i], std::memory_order_release);
      return true;
    }
  }
  return false;
}

bool matmulBf16() { return bf16Wanted.load(std::memory_order_relaxed) && isa().level == BERTWRIGHT_ISA_AVX512BF16; }

void setMatmulBf16(bool wanted) { bf16Wanted.store(wanted, std::memory_order_relaxed); }
