#include "binding.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>

namespace bertwright {
namespace {

const Registration*& registered() {
  static const Registration* first = nullptr;
  return first;
}

constexpr size_t elementLimit = size_t{1} << 48;

const char* typeNameOf(napi_env env, napi_value value) {
  napi_valuetype type;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok) return "nothing";
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return "a number";
    case napi_string: return "a string";
    case napi_function: return "a function";
    default: break;
  }
  bool typed = false;
  napi_is_typedarray(env, value, &typed);
  if (typed) return "a typed array of another type";
  bool array = false;
  napi_is_array(env, value, &array);
  return array ? "an array" : "an object";
}

void throwError(napi_env env, ArgumentError::Kind kind, const std::string& message) {
  if (kind == ArgumentError::Kind::type) {
    napi_throw_type_error(env, nullptr, message.c_str());
  } else {
    napi_throw_range_error(env, nullptr, message.c_str());
  }
}

/** Called for every function of the addon; `data` is its registration. No C++ exception passes it. */
napi_value call(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const Registration& registration = *static_cast<const Registration*>(data);
  try {
    Args args(env, info, registration.name, registration.argumentCount);
    return registration.function(args);
  } catch (const ArgumentError& error) {
    throwError(env, error.kind, error.message);
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, nullptr, (std::string(registration.name) + ": out of memory").c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, (std::string(registration.name) + ": " + error.what()).c_str());
  }
  return nullptr;
}

}  // namespace

Registration::Registration(const char* name_, size_t argumentCount_, NativeFunction function_)
    : name(name_), argumentCount(argumentCount_), function(function_), next(registered()) {
  registered() = this;
}

Args::Args(napi_env env, napi_callback_info info, const char* function, size_t required) : env_(env), function_(function) {
  napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr);
  if (count_ < required) {
    failType("expected " + std::to_string(required) + " arguments, found " + std::to_string(count_));
  }
  for (size_t i = 0; i < std::min(count_, maximum); i++) readElements(i);
}

void Args::readElements(size_t index) {
  bool array = false;
  uint32_t count = 0;
  if (napi_is_array(env_, values_[index], &array) != napi_ok || !array) return;
  napi_get_array_length(env_, values_[index], &count);
  bool typed = true;
  // The first that is no typed array is the last one read: the accessor will complain of it, and a list of 2^32 holes ends here.
  for (uint32_t i = 0; i < count && typed; i++) {
    napi_value element;
    if (napi_get_element(env_, values_[index], i, &element) != napi_ok) failType("argument " + std::to_string(index + 1) + " cannot be read");
    if (napi_is_typedarray(env_, element, &typed) != napi_ok) typed = false;
    elements_[index].push_back(element);
  }
}

void Args::failType(const std::string& message) const {
  throw ArgumentError{ArgumentError::Kind::type, std::string(function_) + ": " + message};
}

void Args::failRange(const std::string& message) const {
  throw ArgumentError{ArgumentError::Kind::range, std::string(function_) + ": " + message};
}

Args::TypedArray Args::typedArray(napi_value value, const std::string& name, napi_typedarray_type type, const char* typeName) const {
  bool typed = false;
  napi_typedarray_type found;
  TypedArray array = {};
  napi_value buffer = nullptr;
  if (napi_is_typedarray(env_, value, &typed) != napi_ok || !typed ||
      napi_get_typedarray_info(env_, value, &found, &array.length, &array.data, &buffer, nullptr) != napi_ok || found != type) {
    failType(name + " must be " + typeName + ", found " + typeNameOf(env_, value));
  }
  bool plain = false;
  array.shared = napi_is_arraybuffer(env_, buffer, &plain) != napi_ok || !plain;
  // An array whose memory was taken away looks like an empty one.
  bool detached = false;
  if (array.length == 0 && plain && napi_is_detached_arraybuffer(env_, buffer, &detached) == napi_ok && detached) {
    failType(name + " must not be detached from its memory");
  }
  return array;
}

void Args::demandLength(const char* name, size_t found, size_t length) const {
  if (found < length) failRange(std::string(name) + " must have at least " + std::to_string(length) + " elements, found " + std::to_string(found));
}

void Args::demandDistinct(const Memory& memory, Access access, const Memory& other) const {
  if (memory.begin >= other.end || other.begin >= memory.end) return;
  const size_t input = access == Access::write ? other.index : memory.index;
  const size_t output = access == Access::write ? memory.index : other.index;
  const bool same = memory.begin == other.begin && memory.end == other.end;
  if (same && input == inPlaceInput_ && output == inPlaceOutput_) return;
  failRange(memory.text() + " must not overlap " + other.text());
}

void Args::use(const Memory& memory, Access access) const {
  if (memory.begin == memory.end) return;
  for (const Memory& other : written_) demandDistinct(memory, access, other);
  if (access == Access::write) {
    for (const Memory& other : read_) demandDistinct(memory, access, other);
  }
  (access == Access::write ? written_ : read_).push_back(memory);
}

Floats::operator const float*() const {
  args_.use({reinterpret_cast<char*>(data_), reinterpret_cast<char*>(data_ + length_), index_, -1, name_}, Access::read);
  return data_;
}

Floats::operator float*() const {
  args_.use({reinterpret_cast<char*>(data_), reinterpret_cast<char*>(data_ + length_), index_, -1, name_}, Access::write);
  return data_;
}

Floats Args::f32(size_t index, const char* name, size_t length) const {
  const TypedArray array = typedArray(values_[index], name, napi_float32_array, "a Float32Array");
  demandLength(name, array.length, length);
  return {*this, index, name, static_cast<float*>(array.data), length};
}

Floats Args::f32OrNull(size_t index, const char* name, size_t length) const {
  return isNull(index) ? Floats(*this, index, name, nullptr, 0) : f32(index, name, length);
}

const int32_t* Args::i32(size_t index, const char* name, size_t length) const {
  const TypedArray array = typedArray(values_[index], name, napi_int32_array, "an Int32Array");
  demandLength(name, array.length, length);
  const int32_t* data = static_cast<const int32_t*>(array.data);
  use({reinterpret_cast<const char*>(data), reinterpret_cast<const char*>(data + array.length), index, -1, name}, Access::read);
  if (!array.shared) return data;
  copies_.emplace_back(new int32_t[array.length]);
  std::copy_n(data, array.length, copies_.back().get());
  return copies_.back().get();
}

std::vector<FloatSpan> Args::f32List(size_t index, const char* name, Access access) const {
  bool array = false;
  if (napi_is_array(env_, values_[index], &array) != napi_ok || !array) {
    failType(std::string(name) + " must be an array of Float32Arrays, found " + typeNameOf(env_, values_[index]));
  }
  std::vector<FloatSpan> spans;
  spans.reserve(elements_[index].size());
  for (const napi_value element : elements_[index]) {
    const ptrdiff_t position = static_cast<ptrdiff_t>(spans.size());
    const TypedArray found = typedArray(element, std::string(name) + "[" + std::to_string(position) + "]", napi_float32_array, "a Float32Array");
    float* const data = static_cast<float*>(found.data);
    use({reinterpret_cast<char*>(data), reinterpret_cast<char*>(data + found.length), index, position, name}, access);
    spans.push_back({data, found.length});
  }
  return spans;
}

size_t Args::length(size_t index) const {
  bool typed = false;
  size_t length = 0;
  if (napi_is_typedarray(env_, values_[index], &typed) == napi_ok && typed) {
    napi_get_typedarray_info(env_, values_[index], nullptr, &length, nullptr, nullptr, nullptr);
  }
  return length;
}

bool Args::isNull(size_t index) const {
  napi_valuetype type;
  return napi_typeof(env_, values_[index], &type) == napi_ok && (type == napi_null || type == napi_undefined);
}

double Args::number(size_t index, const char* name) const {
  double value = 0;
  if (napi_get_value_double(env_, values_[index], &value) != napi_ok) {
    failType(std::string(name) + " must be a number, found " + typeNameOf(env_, values_[index]));
  }
  return value;
}

size_t Args::size(size_t index, const char* name) const {
  const double value = number(index, name);
  if (!(value >= 0 && value <= 2147483647.0 && std::floor(value) == value)) {
    failRange(std::string(name) + " must be an integer from 0 to 2147483647, found " + std::to_string(value));
  }
  return static_cast<size_t>(value);
}

uint32_t Args::uint32(size_t index, const char* name) const {
  const double value = number(index, name);
  if (!(value >= 0 && value <= 4294967295.0 && std::floor(value) == value)) {
    failRange(std::string(name) + " must be an integer from 0 to 4294967295, found " + std::to_string(value));
  }
  return static_cast<uint32_t>(value);
}

bool Args::boolean(size_t index, const char* name) const {
  bool value = false;
  if (napi_get_value_bool(env_, values_[index], &value) != napi_ok) {
    failType(std::string(name) + " must be a boolean, found " + typeNameOf(env_, values_[index]));
  }
  return value;
}

std::string Args::string(size_t index, const char* name) const {
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) != napi_ok) {
    failType(std::string(name) + " must be a string, found " + typeNameOf(env_, values_[index]));
  }
  std::string text(length, '\0');
  napi_get_value_string_utf8(env_, values_[index], text.data(), length + 1, &length);
  return text;
}

size_t Args::elements(std::initializer_list<size_t> sizes) const {
  size_t product = 1;
  for (size_t size : sizes) {
    if (size != 0 && product > elementLimit / size) failRange("the sizes given multiply to more than 2^48 elements");
    product *= size;
  }
  return product;
}

napi_value makeNumber(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value makeString(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value.c_str(), value.size(), &result);
  return result;
}

}  // namespace bertwright

NAPI_MODULE_INIT() {
  for (const bertwright::Registration* entry = bertwright::registered(); entry != nullptr; entry = entry->next) {
    napi_value function;
    if (napi_create_function(env, entry->name, NAPI_AUTO_LENGTH, bertwright::call, const_cast<bertwright::Registration*>(entry),
                             &function) != napi_ok ||
        napi_set_named_property(env, exports, entry->name, function) != napi_ok) {
      napi_throw_error(env, nullptr, "the addon's functions cannot be registered");
      return nullptr;
    }
  }
  return exports;
}
