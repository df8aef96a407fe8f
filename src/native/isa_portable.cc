/** The inner loops compiled for what every processor of the architecture has: 'neon' on 64-bit ARM, else 'portable'; see isa.h. */
#define BERTWRIGHT_ISA_LEVEL BERTWRIGHT_ISA_PORTABLE
#if defined(__aarch64__)
#define BERTWRIGHT_ISA_NAME "neon"
#else
#define BERTWRIGHT_ISA_NAME "portable"
#endif
#define BERTWRIGHT_ISA_FUNCTION isaPortable
#include "isa_kernels.inc"
