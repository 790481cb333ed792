#include "core/segment/encoded_postings.hpp"

#include <algorithm>
#include <string>

#include "core/base/bit_packing.hpp"
#include "core/base/bit_select.hpp"
#include "core/base/error.hpp"
#include "core/segment/bucket_directory.hpp"

namespace fp {

void throw_not_as_announced(const segment_header& header, const char* what) {
  throw error(errc::corrupt_data, "writing a segment of commits " + std::to_string(header.first_commit) + " to " +
                                      std::to_string(header.last_commit) + ": " + what);
}

inline encoded_postings::faults encoded_postings::put_counts(const hash_split& split,
                                                             std::span<const posting> postings) {
  const unsigned shift = split.shift + split.tail_bits;
  const auto bucket_of = [=](posting p) { return uint64_t{posting_hash(p)} >> shift; };
  // One of each for a posting at most; by pointers, which the compiler keeps in registers.
  if (ones_.size() < postings.size()) {
    ones_.resize(postings.size());
    parts_.resize(postings.size());
  }
  ones* next_ones = ones_.data();
  part* next_part = parts_.data();
  // Where posting 0 would be in the stream of counts.
  const uint64_t first_bucket = bucket_of(postings.front());
  uint64_t word = 0, bits = 0;
  uint64_t part_end = 0;
  bool ascends = true;
  posting used_bits = 0, last = postings.front() - 1;
  for (size_t i = 0; i < postings.size(); i++) {
    const posting p = postings[i];
    ascends &= last < p;
    used_bits |= p;
    last = p;
    const uint64_t bucket = bucket_of(p);
    if (bucket >= part_end) {
      const uint64_t number = bucket >> bucket_directory::part_bits;
      *next_part++ = {static_cast<uint32_t>(number), static_cast<uint32_t>(i)};
      part_end = (number + 1) << bucket_directory::part_bits;
    }
    const uint64_t place = i + (bucket - first_bucket);
    if (place >> 6 != word) {
      *next_ones++ = {word, bits};
      word = place >> 6;
      bits = 0;
    }
    bits |= uint64_t{1} << (place & 63);
  }
  *next_ones++ = {word, bits};
  num_ones_ = static_cast<size_t>(next_ones - ones_.data());
  num_parts_ = static_cast<size_t>(next_part - parts_.data());
  faults f;
  f.ascends = ascends;
  f.is_outside = !split.holds(posting_hash(used_bits));
  return f;
}

inline bool encoded_postings::put_entries(const segment_header& header,
                                          std::span<const posting> postings) noexcept {
  const hash_split split = header.split;
  const document_id min_document = header.min_document;
  const auto range = int64_t{header.max_document - min_document};
  const unsigned id_bits = header.id_bits();
  bit_packer entries(entries_.data(), split.tail_bits + id_bits);
  int64_t room = range;  // negative with one that is outside
  const auto entry_of = [&](posting p) {
    const document_id id = posting_document(p) - min_document;
    room |= range - id;
    return uint64_t{split.tail(posting_hash(p))} << id_bits | id;
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

inline encoded_postings::faults encoded_postings::put(const segment_header& header,
                                                      std::span<const posting> postings) {
  faults f = put_counts(header.split, postings);
  f.is_outside |= !put_entries(header, postings);
  return f;
}

FP_WITH_BIT_INSTRUCTIONS encoded_postings::faults encoded_postings::put_quickly(const segment_header& header,
                                                                                std::span<const posting> postings) {
  return put(header, postings);
}

void encoded_postings::encode(const segment_header& header, std::span<const posting> postings) {
  size_ = num_ones_ = num_parts_ = 0;
  if (postings.empty()) return;
  const size_t bytes = packed_bytes(postings.size(), header.split.tail_bits + header.id_bits()) + sizeof(uint64_t);
  if (entries_.size() < bytes) entries_.resize(bytes);
  // Checked on the way, and whatever was made of what is not as announced goes nowhere.
  const faults f = uses_bit_instructions ? put_quickly(header, postings) : put(header, postings);
  if (!f.ascends) throw_not_as_announced(header, "postings are not in ascending order");
  if (f.is_outside) throw_not_as_announced(header, "a posting outside the announced range");
  size_ = postings.size();
  first_ = postings.front();
  last_ = postings.back();
}

}  // namespace fp
