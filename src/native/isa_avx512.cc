/** The inner loops compiled for 'avx512'; see isa.h. */
#define BERTWRIGHT_ISA_LEVEL BERTWRIGHT_ISA_AVX512
#define BERTWRIGHT_ISA_NAME "avx512"
#define BERTWRIGHT_ISA_FUNCTION isaAvx512
#include "isa_kernels.inc"
