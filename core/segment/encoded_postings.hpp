#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

class posting_codec;

/// Postings that follow one another in a segment, in its format but for where they come to lie in it. Several can
/// be made at once, before it is known how many postings are before each.
class encoded_postings {
 public:
  /// Takes the place of what was in it. Throws `corrupt_data` when postings are not in ascending order or outside
  /// of what the header says.
  void encode(const segment_header& header, std::span<const posting> postings);

  size_t size() const noexcept { return size_; }
  /// Of those that are in it, if there are any.
  posting first() const noexcept { return first_; }
  posting last() const noexcept { return last_; }

  /// Up to 64 bits of the stream of counts that are not all zeros. Place 0 is that of the first posting, posting i
  /// of bucket b is in place i + b less the first one's bucket.
  struct ones {
    uint64_t word = 0;  ///< bits 64 * word to 64 * word + 63
    uint64_t bits = 0;
  };
  std::span<const ones> counts() const noexcept { return std::span(ones_).first(num_ones_); }

  /// A part of the directory that begins among these postings, and before the first one that of its bucket. Not all
  /// of those without postings are named.
  struct part {
    uint32_t number = 0;
    uint32_t before = 0;  ///< how many postings are before it here
  };
  std::span<const part> parts() const noexcept { return parts_; }

  /// All entries, packed, with 8 bytes of anything behind them.
  const std::byte* entries() const noexcept { return entries_.data(); }

 private:
  /// What was seen of postings on the way.
  struct findings {
    bool ascend = true;
    hash_value used_bits = 0;
    bool documents_fit = true;
  };

  template <bool Quick>
  [[gnu::always_inline]] findings put(const segment_header& header, std::span<const posting> postings);
  findings put_quickly(const segment_header& header, std::span<const posting> postings);
  [[gnu::always_inline]] findings put_counts(const posting_codec& codec, std::span<const posting> postings);
  /// From the counts.
  [[gnu::always_inline]] void find_parts(uint64_t first_bucket);
  /// Whether all documents are in the header's range.
  template <bool Quick>
  [[gnu::always_inline]] bool put_entries(const segment_header& header, const posting_codec& codec,
                                          std::span<const posting> postings) noexcept;

  size_t size_ = 0;
  posting first_ = 0, last_ = 0;
  size_t num_ones_ = 0;
  std::vector<ones> ones_;  ///< as many as there ever were
  std::vector<part> parts_;
  std::vector<std::byte> entries_;
};

/// Throws `corrupt_data`: what is to be written is not what a segment's header, made beforehand, says.
[[noreturn]] void throw_not_as_announced(const segment_header& header, const char* what);

}  // namespace fp
