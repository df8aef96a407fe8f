/** The activation argument of kernels, by the codes of addon.ts. */
#ifndef BERTWRIGHT_ACTIVATION_CODE_H
#define BERTWRIGHT_ACTIVATION_CODE_H

#include <string>

#include "../binding.h"
#include "../gemm.h"

namespace bertwright {

inline int readActivation(const Args& args, size_t index) {
  const size_t code = args.size(index, "activation");
  if (code > GEMM_TANH) args.failRange("activation must be 0 (gelu), 1 (gelu_new), 2 (relu) or 3 (tanh), found " + std::to_string(code));
  return static_cast<int>(code);
}

}  // namespace bertwright

#endif
