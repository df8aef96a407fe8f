/**
 * Run-time choice of the instruction set.
 *
 * The numeric inner loops live in simd/<name>.inc. Each of isa_portable.cc, isa_avx2.cc, isa_avx512.cc,
 * isa_avx512bf16.cc and isa_amx.cc includes all of them through isa_kernels.inc and is compiled with its own -m flags, so that the same
 * plain loop is vectorised once for each instruction set. isa() returns the function pointers of the set in use.
 *
 * How to add a kernel:
 *   1. simd/<name>.h: `struct <Name>Kernels { void (*f)(...); ... };` - declarations only.
 *   2. simd/<name>.inc: static functions and `static void fill<Name>Kernels(<Name>Kernels* k)`. Plain C-like code on
 *      pointers and size_t. Intrinsics go under `#if BERTWRIGHT_ISA >= BERTWRIGHT_ISA_AVX2` (…_AVX512, …_AVX512BF16, …_AMX).
 *      simd/math.inc has exp, log, tanh and erf that vectorise.
 *   3. Add the include and the member below, and the include and the fill call in isa_kernels.inc.
 *   4. kernels/<name>.cc: checks the arguments (binding.h), splits the work (parallel.h) and calls `isa().<name>.f(...)`.
 *
 * Rule for everything that isa_kernels.inc includes, this header too: no std::, no templates, no inline functions with
 * external linkage, only math.h, stdint.h, stddef.h, string.h and immintrin.h (arm_neon.h). The linker keeps one copy of a weak symbol;
 * if that came from the AVX-512 file, an older processor would die of an illegal instruction.
 *
 * Rule for results: in float32 the same seed gives the same bits for any thread count and on every instruction set with fused
 * multiply-add. The files are compiled without -ffast-math, so that the source says which operations there are:
 *   - a sum, a product of sums or an extreme across elements goes through Vec16 of simd/vector.inc, 16 lanes everywhere, or
 *     in the order of the elements; never through accumulators as wide as the registers, nor blocks cut by thread count;
 *   - a * b + c is written mulAdd, vecMulAdd or wideMulAdd where it is to be fused;
 *   - elementary functions are those of simd/math.inc, not the C library's.
 * `a > b ? a : b` does not carry a NaN of both sides; maxima have to check by hand.
 */
#ifndef BERTWRIGHT_ISA_H
#define BERTWRIGHT_ISA_H

#include "simd/attention.h"
#include "simd/broadcast.h"
#include "simd/elementwise.h"
#include "simd/gemm.h"
#include "simd/reduce.h"
#include "simd/layerNorm.h"
#include "simd/optimizer.h"

#define BERTWRIGHT_ISA_PORTABLE 0
#define BERTWRIGHT_ISA_AVX2 1
#define BERTWRIGHT_ISA_AVX512 2
#define BERTWRIGHT_ISA_AVX512BF16 3
/** As AVX512BF16, with bfloat16 products in AMX tile registers. */
#define BERTWRIGHT_ISA_AMX 4

struct IsaKernels {
  const char* name;
  int level;
  ElementwiseKernels elementwise;
  GemmKernels gemm;
  BroadcastKernels broadcast;
  ReduceKernels reduce;
  AttentionKernels attention;
  LayerNormKernels layerNorm;
  OptimizerKernels optimizer;
};

/** The kernels of the instruction set in use. */
const IsaKernels& isa();

/** Names this processor and build can run, best first; null-terminated. */
const char* const* isaAvailable();

/** Chooses by name; false where it is not among isaAvailable(). */
bool isaChoose(const char* name);

/** Whether the instruction set of this name, among isaAvailable(), multiplies bfloat16. */
bool isaHasBf16(const char* name);

/**
 * Whether the instruction set in use multiplies bfloat16 faster than float32. Intel's dot products (VDPBF16PS) have half the
 * rate of float32's multiply-adds, measured on a Xeon with AMX; AMD's have twice their rate.
 */
bool isaHasFastBf16();

/** Whether operands of matrix products are to be rounded to bfloat16; only ever true where the instruction set in use multiplies them. */
bool matmulBf16();
void setMatmulBf16(bool wanted);

#endif
