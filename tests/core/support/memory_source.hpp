#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "core/backup/backup_writer.hpp"
#include "core/backup/restore.hpp"

namespace fp::test {

using byte_vector = std::vector<std::byte>;

/// Reads from memory, at most some bytes a call.
class memory_source final : public backup_source {
 public:
  explicit memory_source(std::span<const std::byte> bytes, size_t max_read = SIZE_MAX)
      : bytes_(bytes), max_read_(max_read) {}

  size_t read(std::span<std::byte> out) override {
    if (on_read) on_read(position_);
    const size_t count = std::min({out.size(), max_read_, bytes_.size() - position_});
    std::copy_n(bytes_.begin() + static_cast<long>(position_), count, out.begin());
    position_ += count;
    return count;
  }
  size_t position() const noexcept { return position_; }

  std::function<void(size_t position)> on_read;

 private:
  std::span<const std::byte> bytes_;
  size_t max_read_;
  size_t position_ = 0;
};

inline byte_vector read_all(backup_writer& writer) {
  byte_vector stream;
  for (;;) {
    const auto chunk = writer.next();
    if (chunk.empty()) return stream;
    stream.insert(stream.end(), chunk.begin(), chunk.end());
  }
}

}  // namespace fp::test
