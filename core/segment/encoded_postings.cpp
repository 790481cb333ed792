#include "core/segment/encoded_postings.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/bit_packing.hpp"
#include "core/base/bit_select.hpp"
#include "core/base/error.hpp"
#include "core/segment/bucket_directory.hpp"
#include "core/segment/posting_codec.hpp"

namespace fp {

void throw_not_as_announced(const segment_header& header, const char* what) {
  throw error(errc::corrupt_data, "writing a segment of commits " + std::to_string(header.first_commit) + " to " +
                                      std::to_string(header.last_commit) + ": " + what);
}

inline encoded_postings::findings encoded_postings::look_at(const segment_header& header,
                                                            std::span<const posting> postings) noexcept {
  constexpr size_t at_once = 4;
  typedef posting keys __attribute__((vector_size(sizeof(posting) * at_once)));
  typedef uint32_t halves __attribute__((vector_size(sizeof(posting) * at_once)));
  keys last, next, used{}, disorder{};
  halves largest{};  // every second one is of a document
  size_t i = 1;
  for (; i + at_once <= postings.size(); i += at_once) {
    std::memcpy(&last, &postings[i - 1], sizeof last);
    std::memcpy(&next, &postings[i], sizeof next);
    disorder |= keys(last >= next);
    used |= next;
    const halves relative = halves(next) - header.min_document;
    largest = relative > largest ? relative : largest;
  }
  bool ascend = true;
  posting used_bits = postings.front();
  document_id largest_document = posting_document(postings.front()) - header.min_document;
  for (size_t k = 0; k < at_once; k++) {
    ascend &= disorder[k] == 0;
    used_bits |= used[k];
    largest_document = std::max(largest_document, largest[2 * k]);
  }
  for (; i < postings.size(); i++) {
    ascend &= postings[i - 1] < postings[i];
    used_bits |= postings[i];
    largest_document = std::max(largest_document, posting_document(postings[i]) - header.min_document);
  }
  return {ascend, header.split.holds(posting_hash(used_bits)) &&
                      largest_document <= header.max_document - header.min_document};
}

inline void encoded_postings::put_counts(const posting_codec& codec, std::span<const posting> postings) {
  if (words_.size() < postings.size()) words_.resize(postings.size());
  // Words lie one behind another, each of which has a posting: places are less by what was left out between.
  uint64_t* word = words_.data();
  uint64_t* begin = word;
  uint64_t number = 0;  // of the first word since then
  uint64_t origin = 0 - codec.bucket_of(postings.front());
  uint64_t bits = 0, end = 64;
  for (const posting p : postings) {
    uint64_t place = origin++ + codec.bucket_of(p);
    if (place >= end) {
      *word++ = std::exchange(bits, 0);
      if (place - end >= 64) [[unlikely]] {
        const uint64_t zeros = (place - end) & ~uint64_t{63};
        stretches_.push_back({number, {begin, word}});
        number += static_cast<uint64_t>(word - begin) + zeros / 64;
        begin = word;
        origin -= zeros;
        place -= zeros;
      }
      end += 64;
    }
    bits |= uint64_t{1} << (place & 63);
  }
  *word++ = bits;
  stretches_.push_back({number, {begin, word}});
}

inline void encoded_postings::find_parts(uint64_t first_bucket) {
  constexpr uint64_t size = bucket_directory::part_size;
  const auto add = [this](uint64_t bucket, uint64_t before) {
    parts_.push_back({static_cast<uint32_t>(bucket / size), static_cast<uint32_t>(before)});
  };
  add(first_bucket, 0);
  // Of what is before a word: buckets that have begun, and postings.
  uint64_t bucket = first_bucket, before = 0;
  uint64_t next_part = (first_bucket / size + 1) * size;
  uint64_t next_word = 0;
  for (const auto& [number, words] : counts()) {
    bucket += 64 * (number - next_word);
    next_word = number + words.size();
    for (const uint64_t bits : words) {
      if (bucket >= next_part) {
        // Of those that begin behind a word's last posting or in words of zeros alone the last one.
        add(bucket, before);
        next_part = (bucket / size + 1) * size;
      }
      // Up to the word's last posting: zeros behind it may be of buckets that have none here.
      const unsigned unused = std::countl_zero(bits);
      const bit_ranks zeros(~bits << unused >> unused);
      for (; next_part <= bucket + zeros.count(); next_part += size) {
        const auto rank = static_cast<uint32_t>(next_part - bucket - 1);
        add(next_part, before + zeros.place_of(rank) - rank);
      }
      bucket += 64 - count_ones(bits);
      before += count_ones(bits);
    }
  }
}

template <bool Quick>
[[gnu::always_inline]] static inline void put_entries(const posting_codec& codec, std::span<const posting> postings,
                                                      bit_packer& to) noexcept {
  bit_packer entries = to;  // the compiler cannot know that writing bytes leaves it alone
  if (entries.takes_two()) {
    for (; postings.size() >= 2; postings = postings.subspan(2)) {
      const uint64_t first = codec.entry_of<Quick>(postings[0]);
      entries.put_two(first, codec.entry_of<Quick>(postings[1]));
    }
  }
  for (const posting p : postings) entries.put(codec.entry_of<Quick>(p));
  to = entries;
}

template <bool Quick>
inline encoded_postings::findings encoded_postings::put(const segment_header& header,
                                                        std::span<const posting> postings, bit_packer& entries) {
  const posting_codec codec(header.split, header.id_bits(), header.min_document);
  const findings found = look_at(header, postings);
  if (!found.ascend || !found.fit) return found;
  put_counts(codec, postings);
  find_parts(codec.bucket_of(postings.front()));
  put_entries<Quick>(codec, postings, entries);
  return found;
}

FP_WITH_BIT_INSTRUCTIONS encoded_postings::findings encoded_postings::put_quickly(const segment_header& header,
                                                                                  std::span<const posting> postings,
                                                                                  bit_packer& entries) {
  return put<true>(header, postings, entries);
}

void encoded_postings::encode(const segment_header& header, std::span<const posting> postings) {
  const unsigned width = header.split.tail_bits + header.id_bits();
  const size_t bytes = packed_bytes(postings.size(), width) + sizeof(uint64_t);
  if (entries_.size() < bytes) entries_.resize(bytes);
  bit_packer entries(entries_.data(), width);
  encode(header, postings, entries);
}

void encoded_postings::encode(const segment_header& header, std::span<const posting> postings,
                              bit_packer& entries) {
  size_ = 0;
  stretches_.clear();
  parts_.clear();
  if (postings.empty()) return;
  const findings found =
      uses_bit_instructions ? put_quickly(header, postings, entries) : put<false>(header, postings, entries);
  if (!found.ascend) throw_not_as_announced(header, "postings are not in ascending order");
  if (!found.fit) throw_not_as_announced(header, "a posting outside the announced range");
  size_ = postings.size();
  first_ = postings.front();
  last_ = postings.back();
}

}  // namespace fp
