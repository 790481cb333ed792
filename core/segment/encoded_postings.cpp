#include "core/segment/encoded_postings.hpp"

#include <bit>
#include <string>

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

inline encoded_postings::findings encoded_postings::put_counts(const posting_codec& codec,
                                                               std::span<const posting> postings) {
  // By a pointer, which the compiler keeps in a register; a posting has one at most.
  if (ones_.size() < postings.size()) ones_.resize(postings.size());
  ones* next_ones = ones_.data();
  const uint64_t first_bucket = codec.bucket_of(postings.front());
  uint64_t word = 0, bits = 0;
  bool ascend = true;
  posting used_bits = 0, last = postings.front() - 1;
  for (size_t i = 0; i < postings.size(); i++) {
    const posting p = postings[i];
    ascend &= last < p;
    used_bits |= p;
    last = p;
    const uint64_t place = i + (codec.bucket_of(p) - first_bucket);
    if (place >> 6 != word) {
      *next_ones++ = {word, bits};
      word = place >> 6;
      bits = 0;
    }
    bits |= uint64_t{1} << (place & 63);
  }
  *next_ones++ = {word, bits};
  num_ones_ = static_cast<size_t>(next_ones - ones_.data());
  return {ascend, posting_hash(used_bits)};
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
  for (const auto& [word, bits] : counts()) {
    bucket += 64 * (word - next_word);
    next_word = word + 1;
    if (bucket >= next_part) {
      // Of those that begin in words of zeros alone the last one.
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

template <bool Quick>
inline bool encoded_postings::put_entries(const segment_header& header, const posting_codec& codec,
                                          std::span<const posting> postings) noexcept {
  const document_id min_document = header.min_document;
  const auto range = int64_t{header.max_document - min_document};
  bit_packer entries(entries_.data(), header.split.tail_bits + header.id_bits());
  int64_t room = range;  // negative with one that is outside
  const auto entry_of = [&](posting p) {
    room |= range - (posting_document(p) - min_document);
    return codec.entry_of<Quick>(p);
  };
  if (entries.takes_two()) {
    for (; postings.size() >= 2; postings = postings.subspan(2)) {
      const uint64_t first = entry_of(postings[0]);
      entries.put_two(first, entry_of(postings[1]));
    }
  }
  for (const posting p : postings) entries.put(entry_of(p));
  return room >= 0;
}

template <bool Quick>
inline encoded_postings::findings encoded_postings::put(const segment_header& header,
                                                        std::span<const posting> postings) {
  const posting_codec codec(header.split, header.id_bits(), header.min_document);
  findings found = put_counts(codec, postings);
  if (found.ascend) find_parts(codec.bucket_of(postings.front()));
  found.documents_fit = put_entries<Quick>(header, codec, postings);
  return found;
}

FP_WITH_BIT_INSTRUCTIONS encoded_postings::findings encoded_postings::put_quickly(
    const segment_header& header, std::span<const posting> postings) {
  return put<true>(header, postings);
}

void encoded_postings::encode(const segment_header& header, std::span<const posting> postings) {
  size_ = num_ones_ = 0;
  parts_.clear();
  if (postings.empty()) return;
  const size_t bytes = packed_bytes(postings.size(), header.split.tail_bits + header.id_bits()) + sizeof(uint64_t);
  if (entries_.size() < bytes) entries_.resize(bytes);
  // Checked on the way, and whatever was made of what is not as announced goes nowhere.
  const findings found = uses_bit_instructions ? put_quickly(header, postings) : put<false>(header, postings);
  if (!found.ascend) throw_not_as_announced(header, "postings are not in ascending order");
  if (!found.documents_fit || !header.split.holds(found.used_bits)) {
    throw_not_as_announced(header, "a posting outside the announced range");
  }
  size_ = postings.size();
  first_ = postings.front();
  last_ = postings.back();
}

}  // namespace fp
