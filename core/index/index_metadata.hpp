#pragma once

#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/segment/segment.hpp"

namespace fp {

/// The metadata of an index: the newest entries of its segments' lists, where they lie. What is built beside them,
/// 8 bytes an entry, is built when it is asked for, and once. Safe for use from many threads at once.
class index_metadata {
 public:
  class iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = std::pair<std::string_view, std::string_view>;

    iterator() = default;
    explicit iterator(const std::byte* const* at) noexcept : at_(at) {}
    value_type operator*() const noexcept {
      const auto entry = metadata_list::read_entry(*at_);
      return {entry.key, entry.value.value_or(std::string_view())};
    }
    iterator& operator++() noexcept {
      at_++;
      return *this;
    }
    iterator operator++(int) noexcept { return iterator(at_++); }
    friend bool operator==(const iterator&, const iterator&) = default;

   private:
    const std::byte* const* at_ = nullptr;
  };

  /// Of some segments, oldest first.
  explicit index_metadata(std::vector<segment_ptr> segments) : segments_(std::move(segments)) {}
  index_metadata(const index_metadata&) = delete;
  index_metadata& operator=(const index_metadata&) = delete;

  const std::vector<segment_ptr>& segments() const noexcept { return segments_; }
  /// In ascending key order.
  size_t size() const { return entries().size(); }
  iterator begin() const { return iterator(entries().data()); }
  iterator end() const { return iterator(entries().data() + entries().size()); }
  std::optional<std::string_view> find(std::string_view key) const;
  metadata_map to_map() const;

 private:
  const std::vector<const std::byte*>& entries() const;

  const std::vector<segment_ptr> segments_;
  mutable std::once_flag merged_;
  mutable std::vector<const std::byte*> entries_;
};

}  // namespace fp
