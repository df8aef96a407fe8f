/** The inner loops compiled for 'portable'; see isa.h. */
#define BERTWRIGHT_ISA_LEVEL BERTWRIGHT_ISA_PORTABLE
#define BERTWRIGHT_ISA_NAME "portable"
#define BERTWRIGHT_ISA_FUNCTION isaPortable
#include "isa_kernels.inc"
