#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/bit_select.hpp"

namespace fp {

/// Which postings of a segment are in which bucket, as it lies in the segment's bytes: a view that owns nothing.
/// Segments of older versions have the start of every bucket, the others the counts of P. Elias, "Efficient storage
/// and retrieval by content and address of static files" (1974): for each bucket a zero, and a one for each of its
/// postings, in one stream of bits. So bucket b begins behind the stream's zero number b, and posting i of bucket b
/// is bit i + b + 1. Samples say how many postings lie before every 32nd bucket; that many bits and one for each
/// bucket before it is its zero's place.
///
/// Ranges lie within the postings, and reads within the bytes, whatever these have turned into since they were
/// checked (see `segment`).
class bucket_directory {
 public:
  static constexpr unsigned part_bits = 5, group_bits = 7;
  static constexpr uint32_t part_size = uint32_t{1} << part_bits;
  static constexpr uint32_t parts_of_group = uint32_t{1} << (group_bits - part_bits);

  /// Of a group of 128 buckets: the number of postings before it, and before its parts of 32 buckets.
  class sample {
   public:
    static constexpr uint32_t many = 255;

    sample() = default;
    explicit sample(uint64_t value) noexcept : value_(value) {}

    uint64_t value() const noexcept { return value_; }
    uint32_t start() const noexcept { return static_cast<uint32_t>(value_); }
    /// The group's postings before a part of it; `many`: so many or more.
    uint32_t before_part(uint32_t part) const noexcept {
      return static_cast<uint32_t>((value_ >> 24 & ~uint64_t{0xff}) >> 8 * part & 0xff);
    }
    /// Of a part that is not the first.
    void set_part(uint32_t part, uint64_t before) noexcept {
      value_ |= std::min<uint64_t>(before, many) << (24 + 8 * part);
    }

   private:
    uint64_t value_ = 0;
  };

  bucket_directory() = default;
  /// `starts`: a u32 for each of 2^bucket_bits buckets and one more, the number of postings before it.
  static bucket_directory of_starts(unsigned bucket_bits, uint64_t num_postings, const std::byte* starts) noexcept {
    return {bucket_bits, num_postings, starts, nullptr};
  }
  /// `samples` and `counts`: as many as the functions below say.
  static bucket_directory of_counts(unsigned bucket_bits, uint64_t num_postings, const std::byte* samples,
                                    const std::byte* counts) noexcept {
    return {bucket_bits, num_postings, samples, counts};
  }

  /// One for each group, and a last one behind them.
  static constexpr uint64_t num_samples(unsigned bucket_bits) noexcept {
    return (((uint64_t{1} << bucket_bits) + (uint64_t{1} << group_bits) - 1) >> group_bits) + 1;
  }
  /// Of the stream of counts, which ends with at least one zero.
  static constexpr uint64_t num_words(unsigned bucket_bits, uint64_t num_postings) noexcept {
    return (((uint64_t{1} << bucket_bits) + num_postings) >> 6) + 1;
  }
  /// With 8 zero bytes behind the stream, so that any of its bits can be read as the first of 64.
  static constexpr uint64_t count_bytes(unsigned bucket_bits, uint64_t num_postings) noexcept {
    return (num_words(bucket_bits, num_postings) + 1) * sizeof(uint64_t);
  }

  uint64_t num_buckets() const noexcept { return num_buckets_; }
  uint64_t num_postings() const noexcept { return num_postings_; }
  bool has_counts() const noexcept { return counts_ != nullptr; }

  /// A look-up has three steps, each of which fetches what the next one reads: `fetch`, `locate`, `range`.
  /// `Locality`: that of the compiler's prefetch.
  template <int Locality = 3>
  [[gnu::always_inline]] void fetch(uint32_t bucket) const noexcept {
    if (has_counts()) {
      __builtin_prefetch(sample_address(bucket >> group_bits), 0, Locality);
      return;
    }
    // Where a bucket starts and where it ends may lie in two cache lines.
    __builtin_prefetch(start_address(bucket), 0, Locality);
    __builtin_prefetch(start_address(uint64_t{bucket} + 2) - 1, 0, Locality);
  }
  /// Answers with what `range` asks for, which is the same for buckets that differ in the lowest `part_bits` alone.
  template <int Locality = 3>
  [[gnu::always_inline]] uint32_t locate(uint32_t bucket) const noexcept {
    if (!has_counts()) return 0;
    const uint32_t before = before_part(bucket);
    // Most parts have 7 to 9 bytes.
    const std::byte* const at = counts_ + (place_of_part(bucket, before) >> 3);
    __builtin_prefetch(at, 0, Locality);
    __builtin_prefetch(at + 2 * sizeof(uint64_t) - 1, 0, Locality);
    return before;
  }
  /// Positions of a bucket's first posting and behind its last, in this order; where the bytes are not what they
  /// were, perhaps none.
  [[gnu::always_inline]] std::pair<uint32_t, uint32_t> range(uint32_t bucket, uint32_t located) const noexcept {
    if (has_counts()) return counted_range(bucket, located);
    const uint32_t first = start(bucket), last = start(uint64_t{bucket} + 1);
    // Branches, which are foreseen: nothing waits for the comparisons, as it would for a minimum.
    if (first > last || last > num_postings_) [[unlikely]]
      return {0, 0};
    return {first, last};
  }
  std::pair<uint32_t, uint32_t> range(uint32_t bucket) const noexcept {
    return range(bucket, has_counts() ? before_part(bucket) : 0);
  }

  /// The bytes that `locate` reads of a bucket, or `range` where there are starts.
  std::span<const std::byte> located_by(uint32_t bucket) const noexcept {
    return has_counts() ? std::span(sample_address(bucket >> group_bits), sizeof(uint64_t))
                        : std::span(start_address(bucket), 2 * sizeof(uint32_t));
  }
  /// And those that `range` reads then, as a rule: none where there are starts.
  std::span<const std::byte> ranged_by(uint32_t bucket, uint32_t located) const noexcept {
    if (!has_counts()) return {};
    constexpr uint64_t words_of_part = 3;
    const uint64_t first = std::min(place_of_part(bucket, located) >> 6, num_words_);
    const uint64_t last = std::min(first + words_of_part, num_words_ + 1);
    return {counts_ + first * sizeof(uint64_t), (last - first) * sizeof(uint64_t)};
  }

  /// Where there are starts: that of a bucket.
  uint32_t start(uint64_t bucket) const noexcept {
    uint32_t start;
    std::memcpy(&start, start_address(bucket), sizeof start);
    return start;
  }
  const std::byte* start_address(uint64_t bucket) const noexcept { return starts_ + bucket * sizeof(uint32_t); }
  /// Where there are counts: the sample of a group, or the last one.
  sample sample_of(uint64_t group) const noexcept {
    uint64_t value;
    std::memcpy(&value, sample_address(group), sizeof value);
    return sample(value);
  }
  /// And a word of their stream, or the one behind it.
  uint64_t word(uint64_t i) const noexcept {
    uint64_t word;
    std::memcpy(&word, counts_ + i * sizeof word, sizeof word);
    return word;
  }
  uint64_t num_words() const noexcept { return num_words_; }
  /// How many of a bucket's postings there are from one's position on, or `limit` where there are more.
  uint64_t count_from(uint32_t bucket, uint64_t position, uint64_t limit) const noexcept {
    if (!has_counts()) {
      const uint64_t last = start(uint64_t{bucket} + 1);
      return last > position ? std::min(last - position, limit) : 0;
    }
    return std::min(length_of_ones(position + bucket + 1, limit), limit);
  }
  /// What a reader of all postings has come to: those before `position` in the buckets before `bucket` are read.
  const std::byte* reading_address(uint64_t position, uint32_t bucket) const noexcept {
    return has_counts() ? counts_ + std::min((position + bucket) >> 6, num_words_) * sizeof(uint64_t)
                        : start_address(bucket);
  }

 private:
  bucket_directory(unsigned bucket_bits, uint64_t num_postings, const std::byte* starts,
                   const std::byte* counts) noexcept
      : starts_(starts),
        counts_(counts),
        num_buckets_(uint64_t{1} << bucket_bits),
        num_postings_(num_postings),
        num_words_(num_words(bucket_bits, num_postings)) {}

  static constexpr unsigned bits_of_window = 57;

  const std::byte* sample_address(uint64_t group) const noexcept { return starts_ + group * sizeof(uint64_t); }
  /// The number of postings before a bucket's part.
  [[gnu::always_inline]] uint32_t before_part(uint32_t bucket) const noexcept {
    const sample of_group = sample_of(bucket >> group_bits);
    const uint32_t before = of_group.before_part(bucket >> part_bits & (parts_of_group - 1));
    if (before == sample::many) [[unlikely]]
      return find_part(bucket, of_group.start());
    return of_group.start() + before;
  }
  /// The same in a group that has many; `start`: the group's.
  [[gnu::noinline]] uint32_t find_part(uint32_t bucket, uint32_t start) const noexcept {
    const uint32_t first = bucket >> group_bits << group_bits, part = bucket >> part_bits << part_bits;
    const uint64_t zero = place_of_zero(uint64_t{start} + first, part - first);
    return static_cast<uint32_t>(std::min(zero - std::min<uint64_t>(part, zero), num_postings_));
  }
  static uint64_t place_of_part(uint32_t bucket, uint32_t before) noexcept {
    return uint64_t{before} + (bucket >> part_bits << part_bits);
  }
  /// The place of the zero of this rank among those from `place` on; where there are not so many, the stream's end.
  uint64_t place_of_zero(uint64_t place, uint32_t rank) const noexcept {
    for (; place < num_words_ << 6; place += 64) {
      const bit_ranks zeros(~bits_from(place));
      if (rank < zeros.count()) return place + zeros.place_of(rank);
      rank -= zeros.count();
    }
    return num_words_ << 6;
  }
  /// 64 bits of the stream.
  uint64_t bits_from(uint64_t place) const noexcept {
    return word(place >> 6) >> (place & 63) | word((place >> 6) + 1) << 1 << (63 - (place & 63));
  }
  [[gnu::always_inline]] std::pair<uint32_t, uint32_t> counted_range(uint32_t bucket,
                                                                     uint32_t before) const noexcept {
    const uint64_t place = place_of_part(bucket, before);
    const uint32_t rank = bucket & (part_size - 1);
    if (place >= num_words_ << 6) [[unlikely]]
      return {0, 0};
    const bit_ranks zeros(~bits_from(place));
    const uint64_t begin = 1 + (rank < zeros.count() ? place + zeros.place_of(rank)
                                                     : place_of_later_zero(place, rank - zeros.count()));
    // Behind the stream are zeros, too.
    if (begin > num_words_ << 6) [[unlikely]]
      return {0, 0};
    uint64_t window;
    std::memcpy(&window, counts_ + (begin >> 3), sizeof window);
    auto count = static_cast<uint64_t>(std::countr_zero(~(window >> (begin & 7))));
    if (count >= bits_of_window) [[unlikely]]
      count = length_of_ones(begin);
    const uint64_t first = begin - 1 - bucket, last = first + count;
    if (first > last || last > num_postings_) [[unlikely]]
      return {0, 0};
    return {static_cast<uint32_t>(first), static_cast<uint32_t>(last)};
  }
  [[gnu::noinline]] uint64_t place_of_later_zero(uint64_t place, uint32_t rank) const noexcept {
    return std::min(place_of_zero(place + 64, rank), (num_words_ << 6) - 1);
  }
  /// Or any length from `limit` on where it is longer than that.
  [[gnu::noinline]] uint64_t length_of_ones(uint64_t begin, uint64_t limit = ~uint64_t{0}) const noexcept {
    uint64_t i = begin >> 6;
    if (i >= num_words_) return 0;
    uint64_t zeros = ~word(i) & (~uint64_t{0} << (begin & 63));
    while (zeros == 0 && ++i < num_words_ && (i << 6) - begin < limit) zeros = ~word(i);
    return (i << 6) + (zeros == 0 ? 0 : static_cast<uint64_t>(std::countr_zero(zeros))) - begin;
  }

  const std::byte *starts_ = nullptr, *counts_ = nullptr;
  uint64_t num_buckets_ = 0, num_postings_ = 0, num_words_ = 0;
};

/// Goes over postings in order, and tells which bucket each is in.
class bucket_walk {
 public:
  /// Begins with the first posting that `bucket`, or one behind it, has.
  explicit bucket_walk(const bucket_directory& directory, uint32_t bucket = 0) noexcept
      : bucket_walk(directory, bucket, bucket > 0 ? directory.range(bucket).first : 0) {}
  /// The same with the first from `position` on, which is one of the bucket's, or the next one's first.
  bucket_walk(const bucket_directory& directory, uint32_t bucket, uint64_t position) noexcept
      : directory_(directory), position_(position), bucket_(bucket) {
    if (!directory.has_counts()) {
      end_ = end_of(bucket);
      return;
    }
    const uint64_t place = position_ + bucket + 1;
    word_ = place >> 6;
    if (word_ < directory.num_words()) ones_ = directory.word(word_) & (~uint64_t{0} << (place & 63));
  }

  uint64_t position() const noexcept { return position_; }
  /// Where in the bytes it reads.
  const std::byte* address() const noexcept { return directory_.reading_address(position_, bucket_); }
  /// The bucket of the posting at `position`, of which there must be one; moves on to the next posting.
  uint32_t next() noexcept { return directory_.has_counts() ? next_counted() : next_started(); }
  /// Where it is known that there are counts: calls `f(bucket)` for the next `count` postings, of which there must
  /// be so many. Where the bytes are not what they were, a bucket may be any number.
  template <class F>
  [[gnu::always_inline]] void for_each_counted(uint64_t count, const F& f) noexcept {
    // Copies: the compiler cannot know that what `f` writes leaves them alone.
    const bucket_directory directory = directory_;
    uint64_t word = word_, ones = ones_, position = position_, bucket = bucket_;
    const uint64_t end = position + count;
    while (position < end) {
      if (ones == 0) {
        if (++word < directory.num_words()) {
          ones = directory.word(word);
        } else {
          f(bucket);
          position++;
        }
        continue;
      }
      const uint64_t num = std::min<uint64_t>(count_ones(ones), end - position);
      uint64_t before = (word << 6) - 1 - position;
      position += num;
      for (uint64_t left = num; left > 0; left--) {
        bucket = before-- + static_cast<uint64_t>(std::countr_zero(ones));
        f(bucket);
        ones &= ones - 1;
      }
    }
    word_ = word;
    ones_ = ones;
    position_ = position;
    bucket_ = static_cast<uint32_t>(std::min(bucket, directory.num_buckets() - 1));
  }
  /// The same as `next` where it is known that there are none.
  uint32_t next_started() noexcept {
    while (position_ == end_) end_ = end_of(++bucket_);
    position_++;
    return bucket_;
  }

 private:
  uint32_t next_counted() noexcept {
    while (ones_ == 0) {
      // Bytes that are not what they were may have too few of them.
      if (++word_ >= directory_.num_words()) [[unlikely]] {
        position_++;
        return bucket_;
      }
      ones_ = directory_.word(word_);
    }
    const uint64_t place = (word_ << 6) + static_cast<uint64_t>(std::countr_zero(ones_));
    ones_ &= ones_ - 1;
    bucket_ = static_cast<uint32_t>(std::min(place - 1 - position_, directory_.num_buckets() - 1));
    position_++;
    return bucket_;
  }
  /// Between where it is and the end of the postings, where the last bucket ends.
  uint64_t end_of(uint32_t bucket) const noexcept {
    if (bucket + uint64_t{1} >= directory_.num_buckets()) return directory_.num_postings();
    return std::clamp<uint64_t>(directory_.start(uint64_t{bucket} + 1), position_, directory_.num_postings());
  }

  bucket_directory directory_;
  uint64_t position_ = 0;
  uint64_t end_ = 0;              ///< of the bucket, where there are starts
  uint64_t word_ = 0, ones_ = 0;  ///< where there are counts: the word that it is in, and what is left of it
  uint32_t bucket_ = 0;
};

}  // namespace fp
