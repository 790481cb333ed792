#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bit_packing.hpp"
#include "core/base/types.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

class posting_codec;

/// Postings that follow one another in a segment, in its format but for where they come to lie in it. Several can
/// be made at once, before it is known how many postings are before each.
class encoded_postings {
 public:
  encoded_postings() = default;
  encoded_postings(const encoded_postings&) = delete;
  encoded_postings(encoded_postings&&) noexcept = default;

  /// Takes the place of what was in it. Throws `corrupt_data` when postings are not in ascending order or outside
  /// of what the header says.
  void encode(const segment_header& header, std::span<const posting> postings);
  /// The same where it is known already what the entries come to lie behind.
  void encode(const segment_header& header, std::span<const posting> postings, bit_packer& entries);

  size_t size() const noexcept { return size_; }
  /// Of those that are in it, if there are any.
  posting first() const noexcept { return first_; }
  posting last() const noexcept { return last_; }

  /// Words of the stream of counts, 64 bits each, none of which is zero; what lies between two stretches is. Place
  /// 0 of the stream is that of the first posting, posting i of bucket b is in place i + b less the first one's
  /// bucket.
  struct stretch {
    uint64_t number = 0;  ///< of the first word, whose places begin with 64 * number
    std::span<const uint64_t> words;
  };
  std::span<const stretch> counts() const noexcept { return stretches_; }

  /// A part of the directory that begins among these postings, and before the first one that of its bucket. Not all
  /// of those without postings are named.
  struct part {
    uint32_t number = 0;
    uint32_t before = 0;  ///< how many postings are before it here
  };
  std::span<const part> parts() const noexcept { return parts_; }

  /// Where they went nowhere else: all entries, packed, with 8 bytes of anything behind them.
  const std::byte* entries() const noexcept { return entries_.data(); }

 private:
  /// Whether postings are as announced.
  struct findings {
    bool ascend, fit;
  };

  template <bool Quick>
  [[gnu::always_inline]] findings put(const segment_header& header, std::span<const posting> postings,
                                      bit_packer& entries);
  findings put_quickly(const segment_header& header, std::span<const posting> postings, bit_packer& entries);
  [[gnu::always_inline]] static findings look_at(const segment_header& header,
                                                 std::span<const posting> postings) noexcept;
  [[gnu::always_inline]] void put_counts(const posting_codec& codec, std::span<const posting> postings);
  /// From the counts.
  [[gnu::always_inline]] void find_parts(uint64_t first_bucket);

  size_t size_ = 0;
  posting first_ = 0, last_ = 0;
  std::vector<uint64_t> words_;     ///< as many as there ever were
  std::vector<stretch> stretches_;  ///< of them
  std::vector<part> parts_;
  std::vector<std::byte> entries_;
};

/// Throws `corrupt_data`: what is to be written is not what a segment's header, made beforehand, says.
[[noreturn]] void throw_not_as_announced(const segment_header& header, const char* what);

}  // namespace fp
