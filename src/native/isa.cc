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
#if defined(BERTWRIGHT_HAVE_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

const IsaKernels* isaAmx();
#endif
#endif

namespace {

#if defined(BERTWRIGHT_HAVE_AMX)
/**
 * Whether the processor has AMX tiles of bfloat16 and Linux lets this process use them: the registers are large, so it asks
 * for a permission first (Documentation/arch/x86/xstate.rst of Linux).
 */
bool amxAllowed() {
  constexpr unsigned bf16Bit = 1u << 22, tileBit = 1u << 24;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & bf16Bit) == 0 || (d & tileBit) == 0) return false;
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}
#endif

struct Detected {
  const IsaKernels* kernels[5];
  const char* names[6];

  Detected() : kernels{}, names{} {
    size_t count = 0;
#if defined(BERTWRIGHT_X86)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#if defined(BERTWRIGHT_HAVE_AVX512BF16)
    const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
#if defined(BERTWRIGHT_HAVE_AMX)
    if (bf16 && amxAllowed()) kernels[count++] = isaAmx();
#endif
    if (bf16) kernels[count++] = isaAvx512Bf16();
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

const IsaKernels* find(const char* name) {
  for (size_t i = 0; detected().names[i] != nullptr; i++) {
    if (std::strcmp(detected().names[i], name) == 0) return detected().kernels[i];
  }
  return nullptr;
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
  const IsaKernels* kernels = find(name);
  if (kernels != nullptr) chosen.store(kernels, std::memory_order_release);
  return kernels != nullptr;
}

bool isaHasBf16(const char* name) {
  const IsaKernels* kernels = find(name);
  return kernels != nullptr && kernels->gemm.bf16.rows > 0;
}

bool isaHasFastBf16() {
#if defined(BERTWRIGHT_X86)
  if (isa().level == BERTWRIGHT_ISA_AVX512BF16) return !__builtin_cpu_is("intel");
#endif
  return isa().gemm.bf16.rows > 0;
}

bool matmulBf16() { return bf16Wanted.load(std::memory_order_relaxed) && isa().gemm.bf16.rows > 0; }

void setMatmulBf16(bool wanted) { bf16Wanted.store(wanted, std::memory_order_relaxed); }
