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
 * RangeError (too short, out of range, overlapping an output) that names function and argument. Read all arguments before
 * touching memory: no JavaScript runs between the accessors and the return, so pointers stay valid that long.
 */
#ifndef BERTWRIGHT_BINDING_H
#define BERTWRIGHT_BINDING_H

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
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

enum class Access { read, write };

class Args;

/**
 * The elements of a Float32Array argument. The pointer it becomes says what the kernel does with them: a const float* is
 * read, a float* is written, and memory that is written must be no other argument's (see Args::allowInPlace).
 */
class Floats {
 public:
  operator const float*() const;
  operator float*() const;

 private:
  friend class Args;
  Floats(const Args& args, size_t index, const char* name, float* data, size_t length)
      : args_(args), index_(index), name_(name), data_(data), length_(length) {}

  const Args& args_;
  size_t index_;
  const char* name_;
  float* data_;
  size_t length_;
};

class Args {
 public:
  static constexpr size_t maximum = 24;

  Args(napi_env env, napi_callback_info info, const char* function, size_t required);

  /** A Float32Array of at least `length` elements, of which no others are used. */
  Floats f32(size_t index, const char* name, size_t length) const;
  /** Likewise, or nullptr for null and undefined. */
  Floats f32OrNull(size_t index, const char* name, size_t length) const;
  /** An Int32Array of at least `length` elements; a copy where other threads could change them after they were checked. */
  const int32_t* i32(size_t index, const char* name, size_t length) const;
  /** An array of Float32Arrays, whole ones. */
  std::vector<FloatSpan> f32List(size_t index, const char* name, Access access) const;
  /** Lets argument `output` be the very memory of argument `input`, as far as both are used; to be called before either is read. */
  void allowInPlace(size_t input, size_t output) { inPlaceInput_ = input, inPlaceOutput_ = output; }
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
  friend class Floats;

  struct Memory {
    const char* begin;
    const char* end;
    size_t index;
    /** Position within a list, or -1. */
    ptrdiff_t element;
    const char* name;

    std::string text() const { return element < 0 ? name : std::string(name) + "[" + std::to_string(element) + "]"; }
  };

  struct TypedArray {
    void* data;
    size_t length;
    bool shared;
  };

  /**
   * Fetches the elements of a plain array. The constructor does so for all arguments, before any accessor: elements may be
   * getters, JavaScript that could take away memory whose pointer was read already.
   */
  void readElements(size_t index);
  TypedArray typedArray(napi_value value, const std::string& name, napi_typedarray_type type, const char* typeName) const;
  void demandLength(const char* name, size_t found, size_t length) const;
  /** Notes memory in use and throws where it overlaps an output, or is one that overlaps something. */
  void use(const Memory& memory, Access access) const;
  void demandDistinct(const Memory& memory, Access access, const Memory& other) const;

  napi_env env_;
  const char* function_;
  size_t count_ = maximum;
  napi_value values_[maximum] = {};
  /** Elements of the arguments that are plain arrays. */
  std::vector<napi_value> elements_[maximum];
  size_t inPlaceInput_ = maximum;
  size_t inPlaceOutput_ = maximum;
  mutable std::vector<Memory> read_;
  mutable std::vector<Memory> written_;
  mutable std::vector<std::unique_ptr<int32_t[]>> copies_;
};

using NativeFunction = napi_value (*)(Args& args);

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

/** Defines and registers the addon's function `name`; the body sees `bertwright::Args& args`. */
#define BERTWRIGHT_FUNCTION(name, argumentCount)                                                    \
  static napi_value native_##name(bertwright::Args& args);                                          \
  static const bertwright::Registration registration_##name(#name, argumentCount, native_##name);   \
  static napi_value native_##name([[maybe_unused]] bertwright::Args& args)

#endif
