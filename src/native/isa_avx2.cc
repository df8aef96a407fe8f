/** The inner loops compiled for 'avx2'; see isa.h. */
#define BERTWRIGHT_ISA_LEVEL BERTWRIGHT_ISA_AVX2
#define BERTWRIGHT_ISA_NAME "avx2"
#define BERTWRIGHT_ISA_FUNCTION isaAvx2
#include "isa_kernels.inc"
