#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/checksum.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

/// Checks every byte of a segment that passes by once, front to back, with constant memory. What only the decoded
/// contents can tell (see `stored_segment`) is not checked.
class segment_stream_checker {
 public:
  /// Begins with the header page of a segment of `num_bytes`; `name` starts error messages. Throws `corrupt_data`
  /// or `unsupported_format`.
  segment_stream_checker(std::string name, std::span<const std::byte, segment_header_bytes> page,
                         uint64_t num_bytes);

  const segment_info& info() const noexcept { return info_; }

  /// The next bytes after the header page, in pieces of any size, never beyond the end. Throws `corrupt_data` in
  /// the call that completes a damaged section; so when all bytes were given, all are good.
  void update(std::span<const std::byte> bytes);

 private:
  std::string name_;
  segment_header header_;
  segment_info info_;
  size_t section_ = 0;  ///< the one that `offset_` is in
  uint64_t offset_ = segment_header_bytes;
  checksum_stream checksum_;
};

}  // namespace fp
