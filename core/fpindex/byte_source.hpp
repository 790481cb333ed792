#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/fs/file_system.hpp"

namespace fp::fpindex {

/// Bytes that come front to back, once.
class byte_source {
 public:
  virtual ~byte_source() = default;
  /// Fills a prefix of `out` and returns its length; 0 only at the end.
  virtual size_t read(std::span<std::byte> out) = 0;
};

/// Bytes [begin, end) of a file, which must outlive the source.
class file_source final : public byte_source {
 public:
  file_source(const readable_file& file, uint64_t begin, uint64_t end) : file_(file), at_(begin), end_(end) {}

  size_t read(std::span<std::byte> out) override {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(out.size(), end_ - at_));
    const size_t count = wanted == 0 ? 0 : file_.read_at(at_, out.first(wanted));
    at_ += count;
    return count;
  }

 private:
  const readable_file& file_;
  uint64_t at_, end_;
};

}  // namespace fp::fpindex
