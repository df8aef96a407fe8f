/** What the addon can run and how: instruction set, threads, GEMM precision. */
#include "../binding.h"
#include "../isa.h"
#include "../parallel.h"

using bertwright::makeNumber;
using bertwright::makeString;

#if defined(__clang__)
#define BERTWRIGHT_COMPILER "clang " __clang_version__
#else
#define BERTWRIGHT_COMPILER "gcc " __VERSION__
#endif

BERTWRIGHT_FUNCTION(info, 0) {
  const napi_env env = args.env();
  napi_value result, available, withBf16;
  napi_create_object(env, &result);
  napi_create_array(env, &available);
  napi_create_array(env, &withBf16);
  uint32_t bf16Count = 0;
  for (uint32_t i = 0; isaAvailable()[i] != nullptr; i++) {
    const napi_value name = makeString(env, isaAvailable()[i]);
    napi_set_element(env, available, i, name);
    if (isaHasBf16(isaAvailable()[i])) napi_set_element(env, withBf16, bf16Count++, name);
  }
  napi_set_named_property(env, result, "available", available);
  napi_set_named_property(env, result, "withBf16", withBf16);
  napi_value fastBf16;
  napi_get_boolean(env, isaHasFastBf16(), &fastBf16);
  napi_set_named_property(env, result, "fastBf16", fastBf16);
  napi_set_named_property(env, result, "isa", makeString(env, isa().name));
  napi_set_named_property(env, result, "threads", makeNumber(env, static_cast<double>(bertwright::threadCount())));
  napi_set_named_property(env, result, "compiler", makeString(env, BERTWRIGHT_COMPILER));
  return result;
}

BERTWRIGHT_FUNCTION(setThreads, 1) {
  const size_t count = args.size(0, "count");
  if (count < 1) args.failRange("count must be 1 or more, found 0");
  bertwright::setThreadCount(count);
  return nullptr;
}

BERTWRIGHT_FUNCTION(setIsa, 1) {
  const std::string name = args.string(0, "name");
  // A zero character would end the name that is compared.
  if (name.find('\0') != std::string::npos || !isaChoose(name.c_str())) {
    std::string names;
    for (size_t i = 0; isaAvailable()[i] != nullptr; i++) names += std::string(i == 0 ? "" : ", ") + isaAvailable()[i];
    args.failRange("name '" + name + "' is not among the instruction sets of this processor and build: " + names);
  }
  return nullptr;
}

BERTWRIGHT_FUNCTION(setMatmulPrecision, 1) {
  const std::string precision = args.string(0, "precision");
  if (precision != "highest" && precision != "bf16") {
    args.failRange("precision must be 'highest' or 'bf16', found '" + precision + "'");
  }
  if (precision == "bf16" && !isaHasBf16(isa().name)) {
    args.failRange(std::string("'bf16' needs an instruction set with bfloat16 products (avx512bf16, amx); in use is ") + isa().name);
  }
  setMatmulBf16(precision == "bf16");
  return nullptr;
}
