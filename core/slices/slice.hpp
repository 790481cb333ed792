#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/types.hpp"

namespace fp {

/// Where a document lies in the space that slices divide. One to one, so that slices share no document, and so that
/// ids given one after the other spread evenly over them: the finalizer of MurmurHash3 (Austin Appleby, public
/// domain).
constexpr uint32_t mixed_id(document_id id) noexcept {
  id ^= id >> 16;
  id *= 0x85ebca6bu;
  id ^= id >> 13;
  id *= 0xc2b2ae35u;
  return id ^ id >> 16;
}

/// A part of an index's documents: the `number`th of `count` equal ranges of their mixed ids, written "2/4". The
/// default is all of them, "1/1".
class slice {
 public:
  static constexpr uint32_t max_count = 4'096;

  constexpr slice() = default;
  /// Throws `bad_request` unless 1 <= number <= count <= `max_count`.
  slice(uint32_t number, uint32_t count);
  /// From its text. Throws `bad_request`.
  static slice parse(std::string_view text);

  uint32_t number() const noexcept { return number_; }
  uint32_t count() const noexcept { return count_; }
  /// The mixed ids that it holds, first and last.
  uint32_t first() const noexcept { return static_cast<uint32_t>(begin_of(number_ - 1)); }
  uint32_t last() const noexcept { return static_cast<uint32_t>(begin_of(number_) - 1); }

  bool is_whole() const noexcept { return count_ == 1; }
  bool contains(document_id id) const noexcept {
    const auto mixed = mixed_id(id);
    return first() <= mixed && mixed <= last();
  }
  bool contains(const slice& other) const noexcept { return first() <= other.first() && other.last() <= last(); }
  bool overlaps(const slice& other) const noexcept { return first() <= other.last() && other.first() <= last(); }

  /// Two slices that hold together what this one holds. Throws `bad_request` when they would be too many.
  std::pair<slice, slice> halves() const;

  std::string text() const;

  friend bool operator==(const slice&, const slice&) = default;
  /// By their first mixed ids.
  friend std::strong_ordering operator<=>(const slice& a, const slice& b) noexcept {
    return std::pair(a.first(), a.last()) <=> std::pair(b.first(), b.last());
  }

 private:
  /// Where the slice behind so many others begins; 2^32 behind the last one.
  uint64_t begin_of(uint32_t before) const noexcept { return (uint64_t{before} << 32) / count_; }

  uint32_t number_ = 1, count_ = 1;
};

/// What keeps slices from holding every document once, e.g. "2/4 and 1/2 overlap", "no slice holds 3/4 to 4/4";
/// empty: nothing does. Slices may have different counts; equal ones count as one.
std::string tiling_fault(std::span<const slice> slices);

}  // namespace fp
