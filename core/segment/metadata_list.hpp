#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// What a segment's commits did last to one metadata key.
struct metadata_entry {
  std::string_view key;
  std::optional<std::string_view> value;  ///< nothing: the key was removed

  friend bool operator==(const metadata_entry&, const metadata_entry&) = default;
};

/// Metadata entries in ascending key order, each key once, in the encoding of a segment's metadata section
/// (`segment_format.hpp`): a view of bytes that somebody else keeps. Lookups and iteration read the bytes as they
/// lie, which must not change any more: those of a mapped file may.
class metadata_list {
 public:
  class iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = metadata_entry;

    iterator() = default;
    metadata_entry operator*() const noexcept { return read_entry(at_); }
    iterator& operator++() noexcept;
    iterator operator++(int) noexcept {
      const auto before = *this;
      ++*this;
      return before;
    }
    /// Where the entry lies, for `read_entry`.
    const std::byte* position() const noexcept { return at_; }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.left_ == b.left_; }

   private:
    friend class metadata_list;
    iterator(const std::byte* at, const std::byte* end, uint32_t left) noexcept : at_(at), end_(end), left_(left) {}

    const std::byte* at_ = nullptr;
    const std::byte* end_ = nullptr;
    uint32_t left_ = 0;
  };

  metadata_list() = default;
  /// A view of an encoded list; nothing when the bytes are not exactly one, or hold a removal and may not.
  static std::optional<metadata_list> decode(std::span<const std::byte> bytes, bool may_remove = true) noexcept;
  /// The entry at a place where one begins.
  static metadata_entry read_entry(const std::byte* at) noexcept;

  size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  /// Of the whole encoded list.
  size_t num_bytes() const noexcept { return bytes_.size(); }
  iterator begin() const noexcept;
  iterator end() const noexcept { return {}; }
  /// The entries that have a value.
  metadata_map to_map() const;

 private:
  std::span<const std::byte> bytes_;
  uint32_t count_ = 0;
};

/// Bytes of encoded entries. Throws `payload_too_large` for a key, a value or a count of about 4 GB.
uint64_t metadata_bytes(std::span<const metadata_entry> entries);
/// Calls `write(bytes)` with the pieces of the encoded list, one after the other.
template <class Write>
void encode_metadata(std::span<const metadata_entry> entries, Write&& write) {
  const auto write_number = [&](size_t value) {
    const auto number = static_cast<uint32_t>(value);
    write(std::as_bytes(std::span(&number, 1)));
  };
  write_number(entries.size());
  for (const auto& [key, value] : entries) {
    write_number(key.size());
    write_number(value ? value->size() : UINT32_MAX);
    write(std::as_bytes(std::span(key)));
    if (value) write(std::as_bytes(std::span(*value)));
  }
}

/// Where the entries of some lists lie, merged in key order: of several of one key the one of the last list counts.
/// Removals stay only when `keep_removals`. 8 bytes an entry, 16 meanwhile.
std::vector<const std::byte*> merge_metadata(std::span<const metadata_list> oldest_first, bool keep_removals);

}  // namespace fp
