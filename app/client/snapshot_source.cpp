#include "app/client/snapshot_source.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/error.hpp"

namespace fp {

size_t snapshot_source::read(std::span<std::byte> out) {
  while (taken_ == piece_.bytes.size() && !at_end_) {
    piece_ = pieces_.next();
    taken_ = 0;
    at_end_ = piece_.bytes.empty();
    if (piece_.offset != offset_) {
      throw error(errc::corrupt_data, "snapshot: offset " + std::to_string(offset_) + ": a piece of offset " +
                                          std::to_string(piece_.offset) + " came");
    }
  }
  const size_t count = std::min(out.size(), piece_.bytes.size() - taken_);
  if (count > 0) std::memcpy(out.data(), piece_.bytes.data() + taken_, count);
  taken_ += count;
  offset_ += count;
  return count;
}

}  // namespace fp
