/** The inner loops compiled for 'avx512bf16'; see isa.h. */
#define BERTWRIGHT_ISA_LEVEL BERTWRIGHT_ISA_AVX512BF16
#define BERTWRIGHT_ISA_NAME "avx512bf16"
#define BERTWRIGHT_ISA_FUNCTION isaAvx512Bf16
#include "isa_kernels.inc"
