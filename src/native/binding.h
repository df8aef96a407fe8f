/**
 * The border to JavaScript: argument checks and the table of the addon's functions.
 *
 *   BERTWRIGHT_FUNCTION(softmax, 4) {
 *     const size_t rows = args.size(2, "rows");
 *     const size_t cols = args.size(3, "cols");
 *     const float* x = args.f32(0, "x", args.elements({rows, cols}));
 *     float* y = args.f32(1, "y", args.elements({rows, cols}));
 *     ...
 *     return nullptr;   // undefined
 *   }
 *
 * Every accessor throws where the argument does not fit, and the caller's JavaScript sees a TypeError (wrong type) or a
 * RangeError (too short, out of range) that names function and argument. Read all arguments before touching memory.
 */
#ifndef BERTWRIGHT_BINDING_H
#define BERTWRIGHT_BINDING_H

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace bertwright {

/** Becomes a JavaScript TypeError or RangeError at the border. */
struct ArgumentError {
  enum class Kind { type, range } kind;
  std::string message;
};

struct FloatSpan {
  float* data;
  size_t length;
};

class Args {
 public:
  static constexpr size_t maximum = 24;

  Args(napi_env env, napi_callback_info info, const char* function, size_t required);

  /** A Float32Array of at least `length` elements. */
  float* f32(size_t index, const char* name, size_t length) const;
  /** Likewise, or nullptr for null and undefined. */
  float* f32OrNull(size_t index, const char* name, size_t length) const;
  /** An Int32Array of at least `length` elements. */
  int32_t* i32(size_t index, const char* name, size_t length) const;
  /** An array of Float32Arrays. */
  std::vector<FloatSpan> f32List(size_t index, const char* name) const;
  /** Elements of the typed array at `index`; 0 where it is none (the accessor that follows complains). */
  size_t length(size_t index) const;

  bool isNull(size_t index) const;
  double number(size_t index, const char* name) const;
  /** An integer from 0 to 2^31 - 1. */
  size_t size(size_t index, const char* name) const;
  /** An integer from 0 to 2^32 - 1. */
  uint32_t uint32(size_t index, const char* name) const;
  bool boolean(size_t index, const char* name) const;
  std::string string(size_t index, const char* name) const;

  /** Product of sizes; a RangeError where it passes 2^48. */
  size_t elements(std::initializer_list<size_t> sizes) const;
  /** For checks of the kernel's own. */
  [[noreturn]] void failType(const std::string& message) const;
  [[noreturn]] void failRange(const std::string& message) const;

  napi_env env() const { return env_; }

 private:
  void* typedArray(napi_value value, const std::string& name, napi_typedarray_type type, const char* typeName, size_t length) const;

  napi_env env_;
  const char* function_;
  size_t count_ = maximum;
  napi_value values_[maximum] = {};
};

using NativeFunction = napi_value (*)(const Args& args);

/** One row of the table of functions; made by BERTWRIGHT_FUNCTION before main. */
struct Registration {
  const char* name;
  size_t argumentCount;
  NativeFunction function;
  const Registration* next;

  Registration(const char* name, size_t argumentCount, NativeFunction function);
};

napi_value makeNumber(napi_env env, double value);
napi_value makeString(napi_env env, const std::string& value);

}  // namespace bertwright

/** Defines and registers the addon's function `name`; the body sees `const bertwright::Args& args`. */
#define BERTWRIGHT_FUNCTION(name, argumentCount)                                                    \
  static napi_value native_##name(const bertwright::Args& args);                                    \
  static const bertwright::Registration registration_##name(#name, argumentCount, native_##name);   \
  static napi_value native_##name([[maybe_unused]] const bertwright::Args& args)

#endif
