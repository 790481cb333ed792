#pragma once

#include <cstring>
#include <deque>
#include <optional>
#include <unordered_map>

#include "core/changelog/changelog.hpp"

namespace fp {

/// The newest appends of a lineage, by id: so many, and no older ones.
class recent_appends {
 public:
  explicit recent_appends(size_t capacity) : capacity_(capacity) {}

  /// Position of its last change.
  std::optional<feed_position> find(const append_id& id) const {
    const auto it = positions_.find(id);
    return it == positions_.end() ? std::nullopt : std::optional(it->second);
  }
  void add(const append_id& id, feed_position position) {
    if (capacity_ == 0 || !positions_.emplace(id, position).second) return;
    order_.push_back(id);
    if (order_.size() <= capacity_) return;
    positions_.erase(order_.front());
    order_.pop_front();
  }
  size_t size() const noexcept { return order_.size(); }

 private:
  /// Ids are random.
  struct first_bytes {
    size_t operator()(const append_id& id) const noexcept {
      size_t value;
      std::memcpy(&value, id.data(), sizeof value);
      return value;
    }
  };

  size_t capacity_;
  std::deque<append_id> order_;  // oldest first
  std::unordered_map<append_id, feed_position, first_bytes> positions_;
};

}  // namespace fp
