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

inline void encoded_postings::put_counts(const hash_split& split, std::span<const posting> postings) {
  const uint32_t first_bucket = split.bucket(posting_hash(postings.front()));
  uint64_t word = 0, bits = 0;
  uint64_t part_end = 0;
  for (size_t i = 0; i < postings.size(); i++) {
    const uint32_t bucket = split.bucket(posting_hash(postings[i]));
    if (bucket >= part_end) {
      const uint32_t number = bucket >> bucket_directory::part_bits;
      parts_.push_back({number, static_cast<uint32_t>(i)});
      part_end = (number + uint64_t{1}) << bucket_directory::part_bits;
    }
    const uint64_t place = i + (bucket - first_bucket);
    if (place >> 6 != word) {
      ones_.push_back({word, bits});
      word = place >> 6;
      bits = 0;
    }
    bits |= uint64_t{1} << (place & 63);
  }
  ones_.push_back({word, bits});
}

inline void encoded_postings::put_entries(const segment_header& header,
                                          std::span<const posting> postings) noexcept {
  const hash_split split = header.split;
  const document_id min_document = header.min_document;
  const unsigned id_bits = header.id_bits();
  bit_packer entries(entries_.data(), split.tail_bits + id_bits);
  const auto entry_of = [=](posting p) {
    return uint64_t{split.tail(posting_hash(p))} << id_bits | (posting_document(p) - min_document);
  };
  if (entries.takes_two()) {
    for (; postings.size() >= 2; postings = postings.subspan(2)) {
      entries.put_two(entry_of(postings[0]), entry_of(postings[1]));
    }
  }
  for (const posting p : postings) entries.put(entry_of(p));
}

inline void encoded_postings::put(const segment_header& header, std::span<const posting> postings) {
  put_counts(header.split, postings);
  put_entries(header, postings);
}

FP_WITH_BIT_INSTRUCTIONS void encoded_postings::put_quickly(const segment_header& header,
                                                            std::span<const posting> postings) {
  put(header, postings);
}

void encoded_postings::encode(const segment_header& header, std::span<const posting> postings) {
  size_ = 0;
  ones_.clear();
  parts_.clear();
  if (postings.empty()) return;
  posting last = postings.front();
  hash_value used_bits = posting_hash(last);
  document_id smallest = posting_document(last), largest = smallest;
  bool ascending = true;
  for (const posting p : postings.subspan(1)) {
    ascending &= last < p;
    last = p;
    used_bits |= posting_hash(p);
    smallest = std::min(smallest, posting_document(p));
    largest = std::max(largest, posting_document(p));
  }
  if (!ascending) throw_not_as_announced(header, "postings are not in ascending order");
  if (smallest < header.min_document || largest > header.max_document || !header.split.holds(used_bits)) {
    throw_not_as_announced(header, "a posting outside the announced range");
  }
  const size_t bytes = packed_bytes(postings.size(), header.split.tail_bits + header.id_bits()) + sizeof(uint64_t);
  if (entries_.size() < bytes) entries_.resize(bytes);
  uses_bit_instructions ? put_quickly(header, postings) : put(header, postings);
  size_ = postings.size();
  first_ = postings.front();
  last_ = last;
}

}  // namespace fp
