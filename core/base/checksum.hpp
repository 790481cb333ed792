#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fp {

/// XXH3-64 with seed 0: the checksum of every file format.
uint64_t checksum(std::span<const std::byte> bytes) noexcept;
uint64_t checksum(std::string_view text) noexcept;

/// The same checksum over bytes that arrive in pieces.
class checksum_stream {
 public:
  checksum_stream();
  ~checksum_stream();
  checksum_stream(checksum_stream&&) noexcept;
  checksum_stream& operator=(checksum_stream&&) noexcept;

  void update(std::span<const std::byte> bytes) noexcept;
  /// The checksum of all bytes so far; more may follow.
  uint64_t digest() const noexcept;
  /// Forgets all bytes so far.
  void reset() noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// A 64-bit number as 16 lower-case hex digits, so that text order is number order.
std::string to_hex16(uint64_t value);
/// The inverse: exactly what `to_hex16` writes, nothing for any other text.
std::optional<uint64_t> parse_hex16(std::string_view text) noexcept;

}  // namespace fp
