#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// A list of plain values that travels as one block of little-endian bytes. CAF serializes a vector of integers
/// by one virtual call an element, which costs more than a search.
template <class T>
class packed_list {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);

 public:
  packed_list() = default;
  packed_list(std::span<const T> values)
      : bytes_(reinterpret_cast<const uint8_t*>(values.data()),
               reinterpret_cast<const uint8_t*>(values.data()) + values.size_bytes()) {}
  packed_list(const std::vector<T>& values) : packed_list(std::span<const T>(values)) {}

  /// False for what only a broken peer sends: bytes that are no whole number of values.
  bool is_whole() const noexcept { return bytes_.size() % sizeof(T) == 0; }
  size_t size() const noexcept { return bytes_.size() / sizeof(T); }
  bool empty() const noexcept { return size() == 0; }
  T operator[](size_t i) const noexcept {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  /// The values as they lie in memory, at any address.
  std::span<const std::byte> bytes() const noexcept { return std::as_bytes(std::span(bytes_)); }
  std::vector<T> to_vector() const {
    std::vector<T> values(size());
    if (!values.empty()) std::memcpy(values.data(), bytes_.data(), values.size() * sizeof(T));
    return values;
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, packed_list& x) {
    return f(x.bytes_);
  }

 private:
  std::vector<uint8_t> bytes_;
};

using hash_list = packed_list<hash_value>;
using result_list = packed_list<search_result>;

}  // namespace fp
