#include "core/changelog/spooled_base.hpp"

#include <algorithm>

namespace fp {

spooled_base::~spooled_base() {
  backup_.reset();
  try {
    fs_.remove_all(folder_);
  } catch (const std::exception&) {
    // The next start removes it.
  }
}

size_t spooled_base::read(std::span<std::byte> out, std::chrono::steady_clock::time_point) {
  if (!backup_) backup_.emplace(bring(), of_.index, of_.generation);
  while (left_.empty() && !backup_->at_end()) left_ = backup_->next();
  const size_t count = std::min(out.size(), left_.size());
  std::copy_n(left_.begin(), count, out.begin());
  left_ = left_.subspan(count);
  return count;
}

}  // namespace fp
