/** The inner loops compiled for 'amx'; see isa.h. */
#define BERTWRIGHT_ISA_LEVEL BERTWRIGHT_ISA_AMX
#define BERTWRIGHT_ISA_NAME "amx"
#define BERTWRIGHT_ISA_FUNCTION isaAmx
#include "isa_kernels.inc"
